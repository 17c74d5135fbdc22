import { serialization } from '@tensorflow/tfjs-core'
import { estimators } from '../estimators/index.ts'
import type { NoiseOptions } from '../estimators/noise.ts'
import type { SamOptions } from '../estimators/sam.ts'
import { invalid, knownKeys } from '../options.ts'
import type { Device, Schedule } from '../types.ts'
import { base, bases, foreign, type GradientOptions, optionsOf } from './base.ts'
import { type BatchNormMode, FlatOptimizer } from './optimizer.ts'

/** The option of every optimizer that says where its vectors lie. */
export interface DeviceOptions {
  /**
   * Where W, G, P and the moments lie, and the passes over them run: 'cpu'; 'cuda', the first GPU of NVIDIA's
   * (experimental), or a step throws ERR_NO_DEVICE where there is none and ERR_OUT_OF_MEMORY where it is full; or 'auto',
   * whichever of them is predicted to take less time for so many weights, transfers included, and 'cpu' where no GPU
   * serves. Decided at the first step; results have the same bits on either. SALTFLAT_DEVICE overrides it. Default: that
   * of the base optimizer, which is 'auto' unless it says otherwise. docs/gpu.md has the rule.
   */
  device?: Device
}

/** Options of every wrapped optimizer. */
export interface CommonOptions extends DeviceOptions {
  /** Seed of noise and in-model randomness: a safe integer ≥ 0. Default: drawn once; it is kept in config and state. */
  seed?: number
  /**
   * How BatchNorm's moving statistics move in a step of several passes. 'clean' (default): in a pass at W itself, which
   * is one of the step's own where it has one (`sam`, `mixing`, no noise), else a forward pass more, run only where
   * something moves. 'last': in the last pass, at W − σU, for nothing; these statistics are of noisier weights than those
   * that are tested, and cost accuracy as σ grows. 're-estimate': not at all; call `reestimateBatchNorm` after training,
   * before anything is tested. The weights are the same in all three. The default is decided by `bench/batch-norm.ts`:
   * docs/batch-norm.md has its figures.
   *
   * The same pass advances the states of stateful layers (with 're-estimate' the last one), and it is the one whose other
   * assignments to variables count.
   */
  batchNorm?: BatchNormMode
}

/** A base optimizer: one of ours, or any `tf.train.*` instance, which then gets the mean gradient. */
export type BaseOptimizer =
  | FlatOptimizer
  | {
      /** What makes a stock optimizer of it. */
      applyGradients(gradients: never): void
    }

/** Options of every base optimizer. */
export interface BaseOnlyOptions extends GradientOptions, DeviceOptions {
  /**
   * η ≥ 0, or a schedule: a function of the step, or an object such as `cosine()` makes. Default 0.01 for sgd, momentum
   * and nesterov (Keras), 0.001 for adam, adamw and rmsprop (Kingma & Ba 2015, Hinton 2012), 1e-4 for lion (Chen et al.
   * 2023).
   */
  learningRate?: Schedule
  /** Seed of randomness inside the model, such as dropout: a safe integer ≥ 0. Not used as a base. Default: drawn once. */
  seed?: number
}

/** Options of `momentum` and `nesterov`. */
export interface MomentumOptions extends BaseOnlyOptions {
  /** β, 0 ≤ β < 1. Default 0.9. */
  momentum?: number
}

/** Options of `adam` and `adamw`. */
export interface AdamOptions extends BaseOnlyOptions {
  /** Decay of the first moment, 0 ≤ β₁ < 1. Default 0.9. */
  beta1?: number
  /** Decay of the second moment, 0 ≤ β₂ < 1. Default 0.999. */
  beta2?: number
  /**
   * Added to √v̂, > 0. Default 1e-8 (Kingma & Ba; stock tfjs takes 1e-7). Below 1e-16 it is too little where gradients are below
   * 1e-16 too: of these no second moment is kept.
   */
  epsilon?: number
  /** The largest second moment so far in place of the present one (Reddi, Kale & Kumar 2018). Default false. */
  amsgrad?: boolean
}

/** Options of `rmsprop`, named as stock tfjs has them. */
export interface RmsPropOptions extends BaseOnlyOptions {
  /** Decay of the mean square, 0 ≤ decay < 1. Default 0.9 (Hinton 2012; torch takes 0.99). */
  decay?: number
  /** Added to the root of the mean square, > 0. Default 1e-8 (torch's; stock tfjs adds it inside the root). */
  epsilon?: number
  /** Momentum of the scaled gradient, 0 ≤ μ < 1. Default 0. */
  momentum?: number
  /** The mean square taken about the mean (Graves 2013). Default false. */
  centered?: boolean
}

/** Options of `lion`. */
export interface LionOptions extends BaseOnlyOptions {
  /** Share of the momentum in the direction, 0 ≤ β₁ < 1. Default 0.9. */
  beta1?: number
  /** Decay of the momentum, 0 ≤ β₂ < 1. Default 0.99. */
  beta2?: number
}

/**
 * Noise stability optimization: flat minima by gradients at W + σU and W − σU.
 *
 * W ← base(W, (1/2k)·Σⱼ [∇f(W + σUⱼ) + ∇f(W − σUⱼ)]), U ~ N(0, I)
 *
 * To second order that minimizes f + (σ²/2)·tr H, and the pairs are a free estimate of tr H: `optimizer.curvature`.
 *
 * Trains float32 variables of any shape; a scalar loss. 2k gradients a step (one more with `mixing`); native memory of two
 * copies of the weights and the base's moments, one more copy for k > 1 or `mixing`. The seed, with the number of the
 * update, decides the noise and the randomness inside the model: equal on every backend, whatever the threads.
 *
 * Throws SaltflatError: ERR_INVALID_ARGUMENT here; in a step, which then has changed nothing, ERR_EMPTY, ERR_DTYPE,
 * ERR_LOSS, ERR_NO_GRADIENT, ERR_NOT_FINITE, ERR_STATE, ERR_DISPOSED, ERR_OUT_OF_MEMORY. Source: Zhang, Li, Ju, arXiv
 * 2306.08553.
 *
 * @param base what makes a step of the mean gradient: `sgd()` … `lion()`, or an instance of stock tfjs
 * @param options see `NoiseOptions` and `CommonOptions`; `sigma` is the one that needs a choice
 *
 * @example
 * const optimizer = nso(adam({ learningRate: 1e-3 }), { sigma: 0.01, seed: 7 })
 * model.compile({ optimizer, loss: 'categoricalCrossentropy' })
 * await model.fit(x, y, { epochs: 2 })
 * console.log(optimizer.passesPerStep, optimizer.curvature?.samples) // → 2 2
 */
export function nso(base: BaseOptimizer, options: NoiseOptions & CommonOptions = {}): FlatOptimizer {
  return wrap('nso', base, options)
}

/**
 * One-sided noise, the paper's main ablation: the mean of gradients beside the weights, without the other half of a pair.
 *
 * W ← base(W, (1/k)·Σⱼ ∇f(W + σUⱼ)), U ~ N(0, I)
 *
 * Half the gradients of `nso`, k a step (one more with `mixing`), but noise of covariance σ²H²/k in them, which pairs
 * cancel; and no estimate of the trace. Native memory of one copy of the weights and the base's moments, one more for k >
 * 1 or `mixing`. Options, seed and errors as for `nso`.
 *
 * @example
 * const optimizer = oneSided(sgd({ learningRate: 0.1 }), { sigma: 0.01, perturbations: 2, seed: 7 })
 * optimizer.minimize(loss, false, variables)
 * console.log(optimizer.passesPerStep) // → 2
 */
export function oneSided(base: BaseOptimizer, options: NoiseOptions & CommonOptions = {}): FlatOptimizer {
  return wrap('one-sided', base, options)
}

/**
 * Sharpness-aware minimization: the gradient a step of length ρ uphill.
 *
 * W ← base(W, ∇f(W + ρ·g/‖g‖)), g = ∇f(W), ‖·‖ over all perturbed weights
 *
 * Two gradients a step; native memory of one copy of the weights and the base's moments. The seed decides the randomness
 * inside the model alone, alike in both gradients. Where g is 0 the second gradient is taken at W. Errors as for `nso`.
 * Source: Foret et al., ICLR 2021.
 *
 * @param options see `SamOptions` and `CommonOptions`; `rho` is 0.05 by default
 *
 * @example
 * const optimizer = sam(momentum({ learningRate: 0.05 }), { rho: 0.1 })
 * optimizer.minimize(loss, false, variables)
 */
export function sam(base: BaseOptimizer, options: SamOptions & CommonOptions = {}): FlatOptimizer {
  return wrap('sam', base, options)
}

// The base optimizers, each one fused native pass. They work alone and as bases, and differ in nothing but the rule:
// clipping, decay, distance and accumulation are options of all.

/**
 * Stochastic gradient descent: w ← w − ηg.
 *
 * One gradient a step; native memory of one copy of the weights. Throws ERR_INVALID_ARGUMENT for an option out of its range;
 * a step throws as one of `nso`. So do all base optimizers.
 *
 * @example
 * sgd({ learningRate: cosine({ initial: 0.1, steps: 10_000 }), l2: 5e-4, decayFilter: noBiasesOrNorms })
 */
export function sgd(options: BaseOnlyOptions = {}): FlatOptimizer {
  return alone('sgd', options)
}

/**
 * Momentum (Polyak 1964): m ← βm + g, w ← w − ηm.
 *
 * One gradient a step; native memory of two copies of the weights.
 *
 * @example
 * momentum({ learningRate: stepDecay({ initial: 0.1, every: 3000 }), momentum: 0.9, l2: 1e-4 })
 */
export function momentum(options: MomentumOptions = {}): FlatOptimizer {
  return alone('momentum', options)
}

/**
 * Nesterov's momentum, in torch's form (Sutskever et al. 2013): m ← βm + g, w ← w − η(g + βm).
 *
 * One gradient a step; native memory of two copies of the weights.
 *
 * @example
 * nso(nesterov({ learningRate: 0.05, momentum: 0.9 }), { sigma: 0.02, seed: 7 })
 */
export function nesterov(options: MomentumOptions = {}): FlatOptimizer {
  return alone('nesterov', options)
}

/**
 * Adam (Kingma & Ba 2015): m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − η·m̂/(√v̂ + ε), with m̂ = m/(1 − β₁ᵗ) and
 * v̂ = v/(1 − β₂ᵗ).
 *
 * One gradient a step; native memory of three copies of the weights, four with `amsgrad`.
 *
 * @example
 * const optimizer = adam({ learningRate: 1e-3, clipNorm: 1 })
 * optimizer.minimize(loss, false, variables)
 */
export function adam(options: AdamOptions = {}): FlatOptimizer {
  return alone('adam', options)
}

/**
 * AdamW (Loshchilov & Hutter 2019): Adam with decoupled weight decay, w ← w − ηλw before the step; λ = 0.01 by default
 * (torch's).
 *
 * One gradient a step; native memory of three copies of the weights, four with `amsgrad`.
 *
 * @example
 * nso(adamw({ learningRate: 1e-3, weightDecay: 0.05, decayFilter: noBiasesOrNorms }), { sigma: 0.01, seed: 7 })
 */
export function adamw(options: AdamOptions = {}): FlatOptimizer {
  return alone('adamw', options)
}

/**
 * RMSProp (Hinton 2012), in torch's form: v ← ρv + (1 − ρ)g², w ← w − η·g/(√v + ε). With `centered` √(v − ḡ²) in place of √v,
 * ḡ the mean of g; with `momentum` m ← μm + g/(√v + ε), w ← w − ηm.
 *
 * One gradient a step; native memory of two copies of the weights, one more each with `momentum` and `centered`.
 *
 * @example
 * rmsprop({ learningRate: 1e-3, decay: 0.99, centered: true })
 */
export function rmsprop(options: RmsPropOptions = {}): FlatOptimizer {
  return alone('rmsprop', options)
}

/**
 * Lion (Chen et al. 2023): w ← w − η·sign(β₁m + (1 − β₁)g), m ← β₂m + (1 − β₂)g. Takes learning rates some 3 to 10 times
 * smaller than Adam's, and decay as much larger.
 *
 * One gradient a step; native memory of two copies of the weights.
 *
 * @example
 * lion({ learningRate: 1e-4, weightDecay: 0.1 })
 */
export function lion(options: LionOptions = {}): FlatOptimizer {
  return alone('lion', options)
}

function alone(name: string, given: BaseOnlyOptions): FlatOptimizer {
  knownKeys(`the options of ${name}`, given, [...optionsOf(bases[name]!), 'seed', 'device'])
  const { seed = newSeed(), device = 'auto', ...options } = given
  return new FlatOptimizer({
    estimator: 'plain',
    options: {},
    base: base(name, options),
    seed,
    batchNorm: 'last',
    device,
  })
}

function wrap(name: string, inner: BaseOptimizer, given: object & CommonOptions): FlatOptimizer {
  const estimator = estimators[name]!
  knownKeys(`the options of ${name}`, given, [...Object.keys(estimator.defaults), 'seed', 'batchNorm', 'device'])
  const own = (inner as Partial<FlatOptimizer> | null)?.settings
  const { seed = newSeed(), batchNorm = 'clean', device = own?.device ?? 'auto', ...options } = given
  const chosen = Object.entries(options).filter(([, value]) => value !== undefined)
  return new FlatOptimizer({
    estimator: name,
    options: { ...estimator.defaults, ...Object.fromEntries(chosen) },
    base: own === undefined ? foreign(inner) : plainBase(inner as FlatOptimizer),
    seed,
    batchNorm,
    device,
  })
}

/** The base of one of ours; its own estimator must be the plain one, for estimators do not nest. */
function plainBase(inner: FlatOptimizer) {
  const { estimator, base } = inner.settings
  if (estimator !== 'plain') {
    throw invalid(
      'a base optimizer such as adam() or tf.train.adam(0.001)',
      inner,
      `It was made by ${estimator}, and estimators do not nest: wrap its base instead.`,
    )
  }
  return { ...base, options: { ...base.options } } as typeof base
}

function newSeed(): number {
  return Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
}

serialization.registerClass(
  FlatOptimizer as unknown as serialization.SerializableConstructor<serialization.Serializable>,
)
