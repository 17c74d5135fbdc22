import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { SaltflatError } from '../errors.ts'

const oldestNode = [20, 19] as const

/** Why the addon is not loaded, as an `ERR_NO_BINARY` whose remedies fit the case; `file` is what was found, if any. */
export function explain(file: string | undefined, cause: unknown, root: string): SaltflatError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const lines = [
    `Expected the native addon of saltflat for ${system()}, ${file ? 'found one that does not load' : 'found none'}.`,
    ...(file ? [`Tried ${shownPath(file, root)}: ${firstLine(reason)}`] : searched(root)),
    'What to do:',
    ...remedies(file, reason, root).map((remedy, index) => `  ${index + 1}. ${remedy}`),
  ]
  return new SaltflatError('ERR_NO_BINARY', lines.join('\n'), { cause })
}

/** This machine in the words that decide which binary fits: platform, processor, C library, Node. */
export function system(): string {
  const libc = process.platform === 'linux' ? [glibc() ? `glibc ${glibc()}` : 'musl'] : []
  return [`${process.platform}-${process.arch}`, ...libc, `Node ${process.versions.node}`].join(', ')
}

function searched(root: string): string[] {
  const prebuilt = folders(join(root, 'prebuilds'))
  const there = prebuilt.length > 0 ? `has only ${prebuilt.join(', ')}` : 'is empty or missing'
  return [`Looked in the package: build/Release has no .node file; prebuilds ${there}.`]
}

function remedies(file: string | undefined, reason: string, root: string): string[] {
  const command = existsSync(join(root, 'src', 'native')) ? 'npm run build' : 'npx saltflat build'
  const rebuild = `Build it here: \`${command}\` (needs Rust 1.89 or newer and a C linker; a minute or two).`
  const prebuilt = folders(join(root, 'prebuilds')).join(', ')
  const glibcWanted = /version `GLIBC_([\d.]+)' not found/.exec(reason)?.[1]

  if (isOldNode()) return [`Update Node to ${oldestNode.join('.')} or newer.`]
  if (reason.includes("'node-gyp-build'")) return ['Install saltflat with its dependencies: `npm install saltflat`.']
  if (process.env.SALTFLAT_BINARY)
    return ['Correct SALTFLAT_BINARY, which names this file; or unset it, to use the binary that ships with saltflat.']
  if (glibcWanted) return [`Use a system with glibc ${glibcWanted} or newer.`, rebuild]
  if (!file) return prebuilt ? [rebuild, `Or use a platform that ships ready: ${prebuilt}.`] : [rebuild]
  if (!relative(root, file).startsWith('build'))
    return ['Install saltflat again: the file may be damaged, or copied from another system.', rebuild]
  return prebuilt ? [rebuild, 'Or delete the folder build/, to use the binary that ships.'] : [rebuild]
}

function isOldNode(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])
}

/** Version of the C library Node runs on; undefined where it is not glibc. */
export function glibc(): string | undefined {
  if (process.report && 'excludeNetwork' in process.report) process.report.excludeNetwork = true // Names take seconds.
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined
  return report?.header?.glibcVersionRuntime
}

function folders(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

const shownPath = (file: string, root: string): string => {
  const inside = relative(root, file)
  return inside.startsWith('..') ? file : inside
}

const firstLine = (text: string): string => text.split('\n', 1)[0]!
