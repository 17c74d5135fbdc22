import { serialization, type Optimizer as TfOptimizer } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import { estimators } from '../estimators/index.ts'
import { type Base, base, foreign } from './base.ts'

/** What an optimizer is made of, as plain values. */
export interface Settings {
  estimator: string
  options: Record<string, unknown>
  base: Base
  seed: number
  batchNorm: string
}

/** tfjs turns keys and strings of a saved config to snake case and back, so ours travel as one string of hex digits. */
export function pack(settings: Settings): string {
  const { kind, options, foreign: stock } = settings.base
  const plain = {
    ...settings,
    base:
      stock === null ? { name: kind.name, options } : { className: stock.getClassName(), config: stock.getConfig() },
  }
  return Buffer.from(JSON.stringify(plain, encode)).toString('hex')
}

/**
 * The settings of a packed config, with defaults for options that are younger than it. A function that was lost becomes
 * one that throws when it is called.
 */
export function unpack(packed: unknown): Settings {
  let plain: Omit<Settings, 'base'> & { base: Parameters<typeof unpackBase>[0] }
  try {
    plain = JSON.parse(Buffer.from(packed as string, 'hex').toString(), decode)
  } catch (cause) {
    throw new SaltflatError('ERR_STATE', 'Expected the config of a saltflat optimizer, received something else.', {
      cause,
    })
  }
  const options = { ...estimators[plain.estimator]?.defaults, ...plain.options }
  return { ...plain, options, base: unpackBase(plain.base) }
}

function unpackBase(saved: {
  name?: string
  options?: object
  className?: string
  config?: serialization.ConfigDict
}): Base {
  if (saved.name !== undefined) return base(saved.name, saved.options ?? {})
  const [cls, fromConfig] = serialization.SerializationMap.getMap().classNameMap[saved.className ?? ''] ?? []
  if (cls === undefined || fromConfig === undefined) {
    throw new SaltflatError(
      'ERR_STATE',
      `Expected a registered base optimizer, received '${saved.className}'. Import it first.`,
    )
  }
  return foreign(fromConfig(cls as never, saved.config ?? {}) as unknown as TfOptimizer)
}

function encode(_: string, value: unknown): unknown {
  if (typeof value === 'function') return { $function: true }
  if (value instanceof RegExp) return { $expression: value.source, flags: value.flags }
  return value
}

function decode(key: string, value: unknown): unknown {
  const tagged = value as { $function?: true; $expression?: string; flags?: string } | null
  if (tagged?.$expression !== undefined) return new RegExp(tagged.$expression, tagged.flags)
  if (tagged?.$function === true) {
    return () => {
      throw new SaltflatError(
        'ERR_STATE',
        `Expected ${key} to be given again, received a saved optimizer: functions are not saved. Compile with a fresh optimizer and load its weights.`,
      )
    }
  }
  return value
}
