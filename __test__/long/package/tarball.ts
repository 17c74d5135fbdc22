import { cpSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { npm, root, run } from './commands.ts'

export interface Tarball {
  readonly file: string
  readonly files: readonly string[]
  /** Bytes of the tarball. */
  readonly size: number
  /** What was said while it was made. */
  readonly log: string
  /** Was it handed in, with the binaries of all platforms? */
  readonly given: boolean
}

const copy = join(root, 'build', 'package-test') // The same path each time, so that cargo need not compile again.

/** The tarball to ship: the one that SALTFLAT_TARBALL names, else packed from a copy of the repository into `folder`. */
export function tarball(folder: string): Tarball {
  const given = process.env.SALTFLAT_TARBALL && resolve(process.env.SALTFLAT_TARBALL)
  if (given) return { file: given, log: '', given: true, ...inspect(npm(folder, 'pack', '--dry-run', '--json', given)) }
  try {
    copyRepository()
    const log = npm(copy, 'run', 'pack:native')
    const said = npm(copy, 'pack', '--json', '--pack-destination', folder)
    return { file: join(folder, (JSON.parse(said) as [Packed])[0].filename), log, given: false, ...inspect(said) }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** The files under version control, or about to be, with the installed tools linked in. */
function copyRepository(): void {
  rmSync(copy, { recursive: true, force: true })
  const listed = run(root, 'git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'])
  for (const file of listed.split('\0').filter((name) => name !== '' && existsSync(join(root, name))))
    cpSync(join(root, file), join(copy, file), { preserveTimestamps: true })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
}

function inspect(json: string): { files: readonly string[]; size: number } {
  const [{ files, size }] = JSON.parse(json) as [Packed]
  return { files: files.map(({ path }) => path), size }
}

interface Packed {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

/** A JSON file. */
export function json<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(...path), 'utf8')) as T
}
