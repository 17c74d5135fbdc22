import { Optimizer as TfOptimizer } from '@tensorflow/tfjs-core'
import type { UpdateOptions } from '../native/index.ts'
import { at, invalid, knownKeys, largest, number, schedule, whole } from '../options.ts'
import type { Schedule } from '../types.ts'
import { checkPenalties, type PenaltyOptions, penaltyDefaults } from './penalties.ts'

/** Options of a base optimizer, all given. */
export type BaseOptions = Record<string, unknown>

/** The part of an update that the rule decides. */
export type Hyperparameters = Pick<UpdateOptions, 'beta1' | 'beta2' | 'epsilon'>

/** A base optimizer of the native core: one line in `bases`. */
export interface BaseKind {
  readonly name: string
  /** Its own options with their defaults; those of every base are in `common`. */
  readonly defaults: BaseOptions
  /** The native rule that these options ask for; by default that of the base's name. */
  rule?(options: BaseOptions): string
  /** The native core's hyperparameters from the options, by default those of the same names. */
  native?(options: Record<string, number>): Partial<Hyperparameters>
}

/** Options of every base optimizer, about what happens to the mean gradient on its way to the rule. */
export interface GradientOptions extends PenaltyOptions {
  /**
   * Bound c > 0 of the mean gradient's norm over all weights: G·min(1, c/(‖G‖ + 1e-6)), torch's form. Default: none.
   */
  clipNorm?: number | undefined
  /** Bound > 0 of each element of the mean gradient; not together with `clipNorm`. Default: none. */
  clipValue?: number | undefined
  /**
   * Micro-batches an update: 1 to 16,777,216 steps, of which all but the last only add their gradient; the last one
   * updates with the mean of them all. Where the loss is a mean over examples, that is a step on one batch of them all,
   * and also the noise is that of one step; but each micro-batch has its own dropout and batch statistics, and with `sam`
   * its own way uphill. Micro-batches count alike, whatever their sizes; a call of `applyGradients` is one too; and an
   * update that the end of an epoch leaves unfinished goes on in the next. `iterations`, schedules and `curvature` count
   * updates. One more copy of the weights. Default 1.
   */
  accumulation?: number
}

const common: Required<GradientOptions> = {
  ...penaltyDefaults,
  clipNorm: undefined,
  clipValue: undefined,
  accumulation: 1,
}

const kinds: readonly BaseKind[] = [
  { name: 'sgd', defaults: { learningRate: 0.01 } },
  {
    name: 'momentum',
    defaults: { learningRate: 0.01, momentum: 0.9 },
    native: ({ momentum }) => ({ beta1: momentum! }),
  },
  {
    name: 'nesterov',
    defaults: { learningRate: 0.01, momentum: 0.9 },
    native: ({ momentum }) => ({ beta1: momentum! }),
  },
  {
    name: 'adam',
    defaults: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false },
    rule: ({ amsgrad }) => (amsgrad ? 'amsgrad' : 'adam'),
  },
  {
    name: 'adamw',
    defaults: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false, weightDecay: 0.01 },
    rule: ({ amsgrad }) => (amsgrad ? 'amsgrad' : 'adam'),
  },
  {
    name: 'rmsprop',
    defaults: { learningRate: 0.001, decay: 0.9, epsilon: 1e-8, momentum: 0, centered: false },
    rule: ({ centered, momentum }) =>
      `rmsprop${centered ? '-centered' : ''}${(momentum as number) > 0 ? '-momentum' : ''}`,
    native: ({ decay, epsilon, momentum }) => ({ beta1: momentum!, beta2: decay!, epsilon: epsilon! }),
  },
  { name: 'lion', defaults: { learningRate: 1e-4, beta1: 0.9, beta2: 0.99 } },
]

/** THE table of base optimizers. */
export const bases: Readonly<Record<string, BaseKind>> = Object.fromEntries(kinds.map((kind) => [kind.name, kind]))

/** What each option that is not a schedule must be; decays of moments are below 1. */
const checks: Readonly<Record<string, (name: string, value: unknown) => void>> = {
  momentum: decay,
  decay,
  beta1: decay,
  beta2: decay,
  epsilon(name, value) {
    // The core computes in f32: 0 there makes 0/0 of a weight without gradients.
    if (Math.fround(number(name, value, { min: 0, max: largest })) === 0) throw invalid('epsilon > 1e-45', value)
  },
  amsgrad: flag,
  centered: flag,
  clipNorm: bound,
  clipValue: bound,
  accumulation: (name, value) => whole(name, value, 1, 2 ** 24),
}

/** A base optimizer with its options: ours, by name, or a stock tfjs optimizer that gets the mean gradient. */
export type Base =
  | { readonly kind: BaseKind; readonly options: BaseOptions; readonly foreign: null }
  | { readonly kind: null; readonly options: BaseOptions; readonly foreign: TfOptimizer }

/** Names of the options of a base. */
export function optionsOf({ defaults }: BaseKind): string[] {
  return Object.keys({ ...common, ...defaults })
}

/** Checks the options of one of our base optimizers and fills in the defaults. */
export function base(name: string, options: object): Base {
  const kind = Object.hasOwn(bases, name) ? bases[name] : undefined
  if (kind === undefined) throw invalid(`${Object.keys(bases).join(', ')} for the base optimizer`, name)
  knownKeys(`the options of ${name}`, options, optionsOf(kind))
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const all: BaseOptions = { ...common, ...kind.defaults, ...Object.fromEntries(given) }
  all.learningRate = schedule('learningRate', all.learningRate, { min: 0, max: largest })
  for (const [key, value] of Object.entries(all)) if (value !== undefined) checks[key]?.(key, value)
  if (all.clipNorm !== undefined && all.clipValue !== undefined) {
    throw invalid('clipNorm or clipValue, not both', all.clipValue)
  }
  checkPenalties(all as unknown as Required<PenaltyOptions>)
  return { kind, options: all, foreign: null }
}

/** A stock tfjs optimizer as a base. */
export function foreign(optimizer: unknown): Base {
  // tfjs's own instanceof reads properties, and so throws on null.
  if (optimizer == null || !(optimizer instanceof TfOptimizer)) {
    throw invalid('a base optimizer such as adam() or tf.train.adam(0.001)', optimizer)
  }
  return { kind: null, options: { ...common }, foreign: optimizer }
}

/** The native rule of a base; a base that lives elsewhere is given the mean gradient. */
export function ruleOf({ kind, options }: Base): string {
  return kind === null ? 'mean' : (kind.rule?.(options) ?? kind.name)
}

/** How the native core ends step `step`, the estimator's mix aside; `first` and `lastOf` place a micro-batch. */
export function updateOptions({ kind, options }: Base, step: number, first: boolean, lastOf: number): UpdateOptions {
  const numbers = options as Record<string, number>
  const { beta1 = 0, beta2 = 0, epsilon = 0 } = kind?.native?.(numbers) ?? numbers
  return {
    last: 1,
    pair: 0,
    sum: 0,
    scale: 1,
    paired: 0,
    clipNorm: numbers.clipNorm ?? 0,
    clipValue: numbers.clipValue ?? 0,
    first: first ? 1 : 0,
    lastOf,
    learningRate:
      kind === null ? 0 : at('learningRate', options.learningRate as Schedule, step, { min: 0, max: largest }),
    beta1,
    beta2,
    epsilon,
    step: step + 1,
  }
}

function decay(name: string, value: unknown): void {
  if (number(name, value, { min: 0 }) >= 1) throw invalid(`${name} < 1`, value)
}

function flag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw invalid(`true or false for ${name}`, value)
}

function bound(name: string, value: unknown): void {
  // The core computes in f32.
  if (Math.fround(number(name, value, { min: 0, open: true })) === 0) throw invalid(`${name} > 1e-45`, value)
}
