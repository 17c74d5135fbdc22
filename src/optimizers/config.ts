import { engine, serialization } from '@tensorflow/tfjs-core'
import { knownKeys } from '../checks.ts'
import { SaltflatError, shown } from '../errors.ts'
import { estimators } from '../estimators/index.ts'
import type { Device } from '../types.ts'
import { type Base, base, foreign, ruleOf } from './base.ts'

/** What an optimizer is made of, as plain values. */
export interface Settings {
  estimator: string
  options: Record<string, unknown>
  base: Base
  seed: number
  batchNorm: string
  device: Device
}

/** Estimator and rule, such as 'nso(adam)' or 'sam(rmsprop-centered)': optimizers of one name can exchange states. */
export function nameOf({ estimator, base }: Settings): string {
  return `${estimator}(${base.kind === null ? `tf.${base.foreign.getClassName()}` : ruleOf(base)})`
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
  const plain = parsed(packed)
  const known = Object.hasOwn(estimators, plain.estimator) ? estimators[plain.estimator]!.defaults : {}
  const options = { ...known, ...plain.options }
  // Of an unknown estimator the optimizer itself will say so.
  if (Object.keys(known).length > 0) knownKeys(`the saved options of ${plain.estimator}`, options, Object.keys(known))
  return { ...plain, device: plain.device ?? 'auto', options, base: unpackBase(plain.base) }
}

/** The learning rate in a packed config. */
export function learningRateIn(packed: unknown): unknown {
  const { options, config } = parsed(packed).base
  return (options ?? config)?.learningRate
}

interface Packed extends Omit<Settings, 'base' | 'device'> {
  device?: Device
  base: {
    name?: string
    options?: Record<string, unknown>
    className?: string
    config?: serialization.ConfigDict
  }
}

function parsed(packed: unknown): Packed {
  let cause: unknown
  try {
    const plain = JSON.parse(Buffer.from(packed as string, 'hex').toString(), decode)
    if (isObject(plain) && isObject(plain.base) && typeof plain.estimator === 'string')
      return plain as unknown as Packed
  } catch (error) {
    cause = error
  }
  const received = typeof packed === 'string' ? 'something else' : shown(packed)
  throw new SaltflatError('ERR_STATE', `Expected the config of a saltflat optimizer, received ${received}.`, { cause })
}

function unpackBase(saved: Packed['base']): Base {
  if (saved.name !== undefined) return base(saved.name, saved.options ?? {})
  const { classNameMap } = serialization.SerializationMap.getMap()
  const known = typeof saved.className === 'string' && Object.hasOwn(classNameMap, saved.className)
  const [cls, fromConfig] = known ? classNameMap[saved.className!]! : []
  if (cls === undefined || fromConfig === undefined) {
    throw new SaltflatError(
      'ERR_STATE',
      `Expected a registered base optimizer, received ${shown(saved.className)}. Import it first.`,
    )
  }
  const before = new Set(Object.values(engine().registeredVariables))
  let made: unknown
  try {
    made = fromConfig(cls as never, saved.config ?? {})
  } catch (cause) {
    // Stock constructors leave behind what they have made when they throw.
    for (const one of Object.values(engine().registeredVariables)) if (!before.has(one)) one.dispose()
    throw new SaltflatError('ERR_STATE', `Expected the config of ${saved.className}, received one that it refuses.`, {
      cause,
    })
  }
  return foreign(made)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
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
