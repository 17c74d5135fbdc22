import { cpSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { npm, root } from './commands.ts'
import { json } from './tarball.ts'

const peers = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', '@tensorflow/tfjs-backend-cpu']

/** A user's project: an empty folder with tfjs in it, as an earlier install would have left it. */
export function createProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'saltflat-user-'))
  const dependencies = Object.fromEntries(provide(folder, [...peers, 'node-gyp-build']))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', type: 'module', dependencies }))
  return folder
}

/** Installs a tarball without network and without install scripts. */
export function install(folder: string, tarball: string): void {
  // The peers are there. npm would ask its cache, which need not have them, about the optional ones too.
  const flags = ['--offline', '--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund']
  npm(folder, 'install', ...flags, tarball)
}

/** Copies packages and what they depend on from the repository: no network. */
function provide(folder: string, names: string[], done = new Map<string, string>()): Map<string, string> {
  for (const name of names.filter((one) => !done.has(one))) {
    const from = join(root, 'node_modules', name)
    const { version, dependencies = {} } = json<Manifest>(from, 'package.json')
    done.set(name, version)
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
    cpSync(from, join(folder, 'node_modules', name), { recursive: true, filter: (file) => !file.endsWith('.map') })
    provide(folder, Object.keys(dependencies), done)
  }
  return done
}

/** Makes the types of Node known to a project that wants them. */
export function provideNodeTypes(folder: string): void {
  for (const name of ['@types/node', 'undici-types'].filter((one) => existsSync(join(root, 'node_modules', one))))
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
}

interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
}
