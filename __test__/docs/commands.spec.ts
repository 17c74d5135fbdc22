import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { blocks, pages, root, textOf } from '../helpers/markdown.ts'

// Every command of an sh block, and every `npm …` and `npx saltflat …` in the text, is one that exists, with flags that it has.

const { scripts, bin } = JSON.parse(textOf('package.json')) as Record<string, Record<string, string>>

/** Where a script's flags are documented, if not in itself. */
const helps: Readonly<Record<string, string[]>> = {
  start: ['dist/cli/main.js', '--help'],
  'matrix-sensing': ['dist/cli/matrix-sensing/main.js', '--help'],
}

for (const page of pages.filter((page) => !page.startsWith('__test__'))) {
  const commands = commandsOf(page)
  if (commands.length > 0) {
    test(`the commands of ${page} exist`, (t) => {
      t.deepEqual(
        commands.flatMap((command) => complaint(command) ?? []),
        [],
      )
    })
  }
}

test('what does not exist is noticed', (t) => {
  const wrong = [
    'npm run nothing',
    'npm start -- --nothing',
    'npx saltflat nothing',
    'node scripts/nothing.mjs',
    'nothing',
  ]
  for (const command of wrong) t.not(complaint(command), undefined, command)
  const right = ['npm test', 'npm start -- --smoke', 'npx saltflat doctor --json', 'npm run bench -- noise --save']
  for (const command of right) t.is(complaint(command), undefined, command)
})

function commandsOf(page: string): string[] {
  const text = textOf(page)
  const inBlocks = blocks(text)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ lines }) => lines)
  const inText = [...text.matchAll(/`((?:npm (?:run|start|test)|npx saltflat|node scripts)[^`\n]*)`/g)].map(
    ([, one]) => one!,
  )
  return [...inBlocks, ...inText]
    .map((line) => line.replace(/(^| )#.*/, ''))
    .flatMap((line) => line.split('&&'))
    .map((command) => command.replace(/[[\]]/g, '').trim())
    .filter((command) => command !== '')
}

/** Why a command cannot be run. */
function complaint(command: string): string | undefined {
  const words = command.split(/\s+/)
  const [program, verb = '', ...rest] = words
  if (program === 'npm') {
    if (['ci', 'install', 'pack'].includes(verb)) return undefined
    const names = (verb === 'run' ? rest[0]! : verb).split('/')
    const missing = names.find((name) => scripts![name] === undefined)
    return missing === undefined ? unknownFlag(command, names[0]!) : `${command}: there is no script ${missing}`
  }
  if (program === 'npx' && bin![verb] !== undefined)
    return unknownFlagOf(command, help(join('bin', 'saltflat.js'), rest[0]!, '--help'))
  if (program === 'node') {
    const file = words.find((word) => /\.[mc]?[jt]s$/.test(word))!
    return existsSync(join(root, file)) ? unknownFlagOf(command, textOf(file)) : `${command}: there is no ${file}`
  }
  return program === 'pip' || program === '.ci/run' ? undefined : `${command}: not known`
}

/** Flags behind `--` belong to the script. */
function unknownFlag(command: string, name: string): string | undefined {
  const file = /[\w/-]+\.mjs/.exec(scripts![name]!)?.[0]
  const [path, ...args] = helps[name] ?? []
  return unknownFlagOf(command, path === undefined ? (file ? related(textOf(file)) : '') : help(path, ...args))
}

function unknownFlagOf(command: string, documented: string): string | undefined {
  const [, flags = command] = / -- (.*)/.exec(command) ?? []
  const named = flags.match(/(?<=^| )--[a-z-]+/g)?.filter((flag) => flag !== '--import' && flag !== '--require') ?? []
  const missing = named.find((flag) => flag !== '--help' && !new RegExp(`${flag}\\b`).test(documented))
  if (/unknown command/.test(documented)) return `${command}: ${documented.split('\n', 1)[0]}`
  return missing === undefined ? undefined : `${command}: there is no flag ${missing}`
}

/** A script with the program that it starts. */
function related(script: string): string {
  const started = script.match(/\b[\w/-]+\/main\.ts\b/g) ?? []
  return [script, ...started.map(textOf)].join('\n')
}

const told = new Map<string, string>()
function help(...args: string[]): string {
  const key = args.join(' ')
  if (!told.has(key)) {
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
    told.set(key, `${stdout}${stderr}`)
  }
  return told.get(key)!
}
