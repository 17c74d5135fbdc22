// What tsc must infer of optimizers, and what it must refuse. Checked, never run: by the compiler of the repository here,
// and by those of users against the packed tarball.
import { type Scalar, train, type Variable } from '@tensorflow/tfjs-core'
import {
  type AdamOptions,
  adam,
  adamw,
  type BaseOptimizer,
  type BatchNormMode,
  cosine,
  type Device,
  type FlatOptimizer,
  lion,
  momentum,
  type NamedTensor,
  nesterov,
  noBiasesOrNorms,
  nso,
  oneSided,
  rmsprop,
  type Schedule,
  sam,
  sgd,
  type TraceEstimate,
} from 'saltflat'
import { exactly } from './exact.ts'

// Bases: each gives an optimizer, with and without options.
exactly<FlatOptimizer>()(sgd())
exactly<FlatOptimizer>()(momentum({ momentum: 0.9 }))
exactly<FlatOptimizer>()(nesterov({ momentum: 0.9 }))
exactly<FlatOptimizer>()(adam({ learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: true }))
exactly<FlatOptimizer>()(adamw({ weightDecay: 0.01, decayFilter: noBiasesOrNorms, clipNorm: 1, seed: 7 }))
exactly<FlatOptimizer>()(rmsprop({ decay: 0.9, momentum: 0.1, centered: true }))
exactly<FlatOptimizer>()(lion({ beta1: 0.9, beta2: 0.99 }))
exactly<RegExp>()(noBiasesOrNorms)

// A number, a function of the step or a schedule wherever a schedule is taken.
sgd({ learningRate: 0.1 })
sgd({ learningRate: (step: number) => 0.1 / (1 + step) })
sgd({ learningRate: cosine({ initial: 0.1, steps: 100 }) })
const rate: Schedule = cosine({ initial: 0.1, steps: 100 })
exactly<AdamOptions['learningRate']>()(rate as Schedule | undefined)

// Penalties and filters.
sgd({ l2: 1e-4, clipValue: 1, accumulation: 4, decayFilter: ['kernel', /embedding/] })
sgd({ decayFilter: (name: string, index: number) => name.includes('kernel') && index > 0 })
sgd({ distance: [{ filter: 'kernel', from: 'initial', strength: 0.1 }, { strength: 1 }] })

// Estimators: around a base of ours or of tfjs.
const flat = nso(adamw(), { sigma: 0.01, perturbations: 2, distribution: 'gaussian', data: 'split', seed: 7 })
exactly<FlatOptimizer>()(flat)
exactly<FlatOptimizer>()(nso(train.adam(0.001)))
exactly<FlatOptimizer>()(oneSided(sgd(), { sigma: cosine({ initial: 0.1, steps: 10 }), mixing: 0.5, rounds: 7 }))
exactly<FlatOptimizer>()(sam(sgd(), { rho: 0.05, batchNorm: 'clean', filter: /kernel/ }))
const base: BaseOptimizer = train.sgd(0.1)
sam(base)

// The optimizer itself.
exactly<TraceEstimate | null>()(flat.curvature)
exactly<number>()(flat.iterations)
exactly<number>()(flat.passesPerStep)
exactly<number>()(flat.seed)
exactly<boolean>()(flat.disposed)
exactly<Promise<NamedTensor[]>>()(flat.getWeights())
exactly<Scalar | null>()(flat.minimize(() => undefined as unknown as Scalar, true, [] as Variable[]))
flat.learningRate = cosine({ initial: 0.1, steps: 100 })
exactly<BatchNormMode>()('clean' as 'last' | 'clean' | 're-estimate')
exactly<Device>()('auto' as 'auto' | 'cpu' | 'cuda')
nso(adamw({ device: 'cuda' }), { device: 'auto' })
exactly<{ store: string; device: 'cpu' | 'cuda'; bytes: number; deviceBytes: number } | null>()(flat.memory)

// @ts-expect-error a base has no sigma
sgd({ sigma: 0.1 })
// @ts-expect-error a GPU is called cuda
sgd({ device: 'gpu' })
// @ts-expect-error a misspelt option
adam({ learningrate: 0.1 })
// @ts-expect-error a rate is no text
adam({ learningRate: '0.1' })
// @ts-expect-error sgd has no momentum: that base is called `momentum`
sgd({ momentum: 0.9 })
// @ts-expect-error lion has no epsilon
lion({ epsilon: 1e-8 })
// @ts-expect-error a group of weights needs its strength
sgd({ distance: [{ filter: 'kernel' }] })
// @ts-expect-error `from` is 'initial' or 'zero'
sgd({ distance: [{ from: 'last', strength: 1 }] })
// @ts-expect-error an estimator needs a base
nso()
// @ts-expect-error a base is an optimizer, not its name
nso('adam')
// @ts-expect-error options do not take the base's place
nso({ sigma: 0.01 })
// @ts-expect-error learning rates belong to the base
nso(sgd(), { learningRate: 0.1 })
// @ts-expect-error no such distribution
nso(sgd(), { distribution: 'cauchy' })
// @ts-expect-error 7 or 10 rounds
nso(sgd(), { rounds: 8 })
// @ts-expect-error SAM has a radius, rho, and no sigma
sam(sgd(), { sigma: 0.1 })
// @ts-expect-error no such mode
sam(sgd(), { batchNorm: 'first' })
// @ts-expect-error a schedule object needs its kind
sgd({ learningRate: { initial: 0.1, steps: 10, final: 0 } })
// @ts-expect-error estimates are read, not written
flat.curvature = null
// @ts-expect-error a loss gives a scalar
flat.minimize(() => 1)
