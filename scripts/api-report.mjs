// npm run api: the public API as its types have it, one file for each entry point in __test__/api/, written anew from
// dist/. They are committed, so that a change of the API is seen where the change is reviewed. `--check` writes nothing
// and ends with 1 when a report is out of date.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { ensureDependencies } from './ensure.mjs'
import { buildTypeScript } from './products.mjs'
import { main, root, Stop } from './run.mjs'
import { requireTool } from './tools.mjs'

const folder = join(root, '__test__', 'api')
const manifest = join(root, 'package.json')

await main(async () => {
  await ensureDependencies()
  buildTypeScript()
  const check = process.argv.includes('--check')
  const made = mkdtempSync(join(tmpdir(), 'saltflat-api-'))
  try {
    for (const [name, types] of entryPoints()) report(name, types, made)
    const files = new Set([...readdirSync(made), ...(existsSync(folder) ? readdirSync(folder) : [])])
    const stale = [...files].filter((file) => read(join(made, file)) !== read(join(folder, file)))
    for (const file of stale) console.log(`${check ? 'Out of date' : 'Written'}: __test__/api/${file}`)
    if (check && stale.length > 0) {
      showDifferences(made, stale)
      throw new Stop('`npm run api` brings the reports up to date.')
    }
    for (const file of stale) place(join(made, file), join(folder, file))
    console.log(`${files.size} reports of the API, ${stale.length} ${check ? 'out of date' : 'changed'}`)
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
})

/** What package.json exports with types of its own: [name of the report, declarations]. */
function entryPoints() {
  const { name, exports } = JSON.parse(readFileSync(manifest, 'utf8'))
  const typed = Object.entries(exports).filter(([, entry]) => entry.types)
  return typed.map(([path, { types }]) => [path === '.' ? name : `${name}-${basename(path)}`, join(root, types)])
}

function report(name, mainEntryPointFilePath, made) {
  const { Extractor, ExtractorConfig } = requireTool('@microsoft/api-extractor')
  // The types of Node name some globals by way of the DOM's where there is one; without it they cannot be followed.
  const compilerOptions = { target: 'es2022', lib: ['es2023', 'dom'], module: 'nodenext', skipLibCheck: true }
  const files = [mainEntryPointFilePath]
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: manifest,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath,
      newlineKind: 'lf',
      compiler: { overrideTsconfig: { compilerOptions: { ...compilerOptions, strict: true, types: ['node'] }, files } },
      apiReport: { enabled: true, reportFileName: name, reportFolder: made, reportTempFolder: join(made, 'temporary') },
      messages: {
        extractorMessageReporting: {
          default: { logLevel: 'none' },
          'ae-forgotten-export': { logLevel: 'none', addToApiReportFile: true },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  })
  const { succeeded } = Extractor.invoke(config, { localBuild: true, messageCallback: quiet })
  if (!succeeded) throw new Stop(`The declarations of ${name} have errors; see above.`)
  rmSync(join(made, 'temporary'), { recursive: true, force: true })
}

/** Leaves out what is no error: that a report is new, which compiler is used. */
function quiet(message) {
  message.handled = message.logLevel !== 'error'
}

function showDifferences(made, files) {
  for (const file of files)
    spawnSync('git', ['--no-pager', 'diff', '--no-index', join(folder, file), join(made, file)], { stdio: 'inherit' })
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function place(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  if (existsSync(from)) copyFileSync(from, to)
  else rmSync(to)
}
