import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { type Binding, type DeviceRule, loadBinding, locate, packageRoot, system } from '../native/index.ts'
import { needed } from '../tfjs-node-shim.ts'

/** What works on this machine and what is missing, in the form that `doctor --json` prints. */
export interface Diagnosis {
  /** Version of saltflat. */
  readonly version: string
  /** The native addon: the machine it must fit, where it is (null: nowhere), and why it does not load. */
  readonly binary: { platform: string; path: string | null; loaded: boolean; reason?: string }
  /** Instruction set in use, threads of a pass, instruction sets found; null without the addon. */
  readonly cpu: { simd: string; threads: number; detected: string[] } | null
  /** Bytes of native memory held now, when nothing trains; null without the addon. */
  readonly nativeBytes: number | null
  /** The GPU that the device 'cuda' is; where there is none, why and what to do, as a stable code and in words. */
  readonly gpu: {
    available: boolean
    code: string
    reason: string
    name?: string
    memory?: number
    capability?: string
    driver?: string
    /** Bytes of its memory that saltflat holds now, when nothing trains; null without the addon. */
    bytes: number | null
    /** How the device 'auto' decides: see docs/gpu.md; null where it takes the CPU whatever the model. */
    rule: DeviceRule | null
  }
  /** Versions of the TensorFlow.js packages that saltflat imports; null: not installed. */
  readonly tfjs: { core: string | null; layers: string | null }
  /** The tfjs backends the command line tool can run on. */
  readonly backends: {
    name: string
    available: boolean
    /** The npm package that serves, or would. */
    package: string
    version: string | null
    reason?: string
    /** What a program must do besides. */
    note?: string
    /** How gradients are read: where TensorFlow has them, or copied out, and then why. */
    gradients?: string
  }[]
  /** The core against its own reference. */
  readonly selfTest: { ok: boolean; checks: { name: string; ok: boolean }[] }
}

const require = createRequire(import.meta.url)

/** Looks at everything and throws for nothing: what is missing is part of the answer. */
export async function diagnose(): Promise<Diagnosis> {
  const binding = attempt(loadBinding)
  return {
    version: installed(join(packageRoot(), 'package.json')) ?? 'unknown',
    binary: { platform: system(), path: path(), loaded: 'value' in binding, ...reasonOf(binding) },
    cpu: ask(binding, 'cpuInfo') ?? null,
    nativeBytes: ask(binding, 'nativeBytes') ?? null,
    gpu: {
      ...(ask(binding, 'gpuInfo') ?? { available: false, code: 'no-binary', reason: 'unknown without the addon' }),
      bytes: ask(binding, 'deviceBytes') ?? null,
      rule: ask(binding, 'deviceRule') ?? null,
    },
    tfjs: {
      core: installed('@tensorflow/tfjs-core/package.json'),
      layers: installed('@tensorflow/tfjs-layers/package.json'),
    },
    backends: [
      await backend('tfjs-node', ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']),
      await backend('wasm', ['@tensorflow/tfjs-backend-wasm']),
    ],
    selfTest: ask(binding, 'selfTest') ?? { ok: false, checks: [] },
  }
}

type Attempt<T> = { readonly value: T } | { readonly error: unknown }

function attempt<T>(job: () => T): Attempt<T> {
  try {
    return { value: job() }
  } catch (error) {
    return { error }
  }
}

/** The answer of one function of the addon; undefined where it, or the addon, is missing or fails. */
function ask<K extends 'cpuInfo' | 'gpuInfo' | 'deviceBytes' | 'deviceRule' | 'nativeBytes' | 'selfTest'>(
  binding: Attempt<Binding>,
  name: K,
): ReturnType<Binding[K]> | undefined {
  if (!('value' in binding) || typeof binding.value[name] !== 'function') return undefined
  const answer = attempt(binding.value[name] as () => ReturnType<Binding[K]>)
  return 'value' in answer ? answer.value : undefined
}

/** Starts a backend: being installed says little, tfjs-node is often there without its binding. */
async function backend(
  name: 'tfjs-node' | 'wasm',
  packages: readonly string[],
): Promise<Diagnosis['backends'][number]> {
  const versions = new Map(packages.map((one) => [one, installed(`${one}/package.json`)]))
  const found = packages.find((one) => versions.get(one)) ?? packages.at(-1)!
  const about = { name, package: found, version: versions.get(found)! }
  if (!about.version) return { ...about, available: false, reason: `${found} is not installed` }
  try {
    const { loadBackend } = await import('./backend.ts')
    const served = `@tensorflow/${await loadBackend(name)}`
    // The first that is installed may have failed where the second serves.
    if (versions.has(served)) Object.assign(about, { package: served, version: versions.get(served) })
    return { ...about, available: true, ...noteOf(name), ...(name === 'tfjs-node' ? await gradientsOf() : {}) }
  } catch (error) {
    return { ...about, available: false, ...reasonOf({ error }), ...noteOf(name) }
  }
}

/** Asked of the backend that has just started. */
async function gradientsOf(): Promise<{ gradients: string }> {
  const [{ engine }, { findPlaces }] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('../params/tensorflow-op.ts'),
  ])
  const found = findPlaces(engine().backend)
  return { gradients: 'places' in found ? 'read in place' : `copied: ${found.reason.split('\n', 1)[0]}` }
}

function noteOf(name: string): { note?: string } {
  if (name !== 'tfjs-node' || !needed) return {}
  const note = `Node ${process.versions.node} lacks what it calls; programs import 'saltflat/tfjs-node-shim' before it`
  return { note }
}

function path(): string | null {
  const found = locate()
  if ('error' in found) return null
  const inside = relative(packageRoot(), found.file)
  return inside.startsWith('..') ? found.file : inside
}

function installed(manifest: string): string | null {
  const file = attempt(() => readFileSync(require.resolve(manifest), 'utf8'))
  return 'value' in file ? (JSON.parse(file.value) as { version: string }).version : null
}

function reasonOf(result: Attempt<unknown>): { reason?: string } {
  if (!('error' in result)) return {}
  return { reason: result.error instanceof Error ? result.error.message.trim() : String(result.error) }
}
