import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'saltflat-prebuild-test-'))
const commands = join(folder, 'commands')
const cache = join(folder, 'cache')
const linux = process.platform === 'linux' ? test.serial : test.skip

mkdirSync(commands)
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

/** A command of this name that does no more than `script`, found before the real one. */
function standIn(name: string, script: string): void {
  writeFileSync(join(commands, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

function build(): { said: string; status: number | null } {
  const { PREBUILD_PATH: _, ...inherited } = process.env
  const env = { ...inherited, PATH: [commands, process.env.PATH].join(delimiter), SALTFLAT_CACHE: cache }
  const file = join(root, 'scripts', 'napi-gyp.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: folder, env, encoding: 'utf8' })
  return { status, said: `${stdout}${stderr}` }
}

// A cargo too old ends the build right after the question which linker to take.
standIn('cargo', 'echo "cargo 1.1.0"')

linux('without PyPI the binary is linked for this machine, and that is said loudly', (t) => {
  standIn('python3', 'echo "no connection" >&2; exit 1')
  const { status, said } = build()
  t.regex(said, /no connection/)
  t.regex(said, /^!! No cargo-zigbuild and zig from PyPI: .+ linked with the C library of this machine/m)
  t.is(status, 1)
  t.deepEqual(readdirSync(cache), [], 'nothing half is left')
})

linux('with PyPI its packages are fetched once, by exact version and checksum', (t) => {
  standIn('python3', `echo "$@" >> ${join(folder, 'calls')}`)
  for (const _ of [1, 2]) t.notRegex(build().said, /!!/)
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n')
  t.is(calls.length, 1)
  t.regex(calls[0]!, /--only-binary=:all: --require-hashes --requirement \S+zigbuild\.txt$/)
  const [made] = readdirSync(cache)
  t.regex(made!, /^zigbuild-linux-\w+-[0-9a-f]{12}$/)
  t.true(existsSync(join(cache, made!)))
})

test('each tool is pinned by version and checksum', (t) => {
  const tools = join(root, 'scripts', 'tools')
  for (const file of readdirSync(tools).filter((name) => name.endsWith('.txt'))) {
    const wanted = readFileSync(join(tools, file), 'utf8')
      .replace(/^#.*$/gm, '')
      .replace(/\\\n/g, '')
      .trim()
      .split('\n')
    // A checksum for each machine that the tool runs on.
    for (const line of wanted) t.regex(line, /^[\w-]+==[\d.]+( +--hash=sha256:[0-9a-f]{64})+$/, file)
  }
  const { packages } = JSON.parse(readFileSync(join(tools, 'package-lock.json'), 'utf8'))
  const { '': own, ...others } = packages as Record<
    string,
    { integrity?: string; dependencies: Record<string, string> }
  >
  t.deepEqual(own!.dependencies, JSON.parse(readFileSync(join(tools, 'package.json'), 'utf8')).dependencies)
  for (const [name, { integrity }] of Object.entries(others)) t.regex(integrity ?? '', /^sha512-/, name)
})
