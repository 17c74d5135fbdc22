// What tsc must infer of checkpoints, shuffles and the callbacks around them, and what it must refuse.
import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import {
  abortable,
  adam,
  checkpoint,
  lastCheckpoint,
  nso,
  type Place,
  type Resumed,
  registerTfjs,
  resume,
  ShuffledBatches,
  saveCheckpoint,
  shuffled,
  shuffledBatches,
  type TfjsModule,
} from 'saltflat'
import { exactly } from './exact.ts'

declare const model: LayersModel
declare const variables: Variable[]
declare const copy: TfjsModule
declare const x: Tensor
declare const y: Tensor

// Callbacks of fit.
const callbacks = [
  checkpoint({ dir: 'run', every: 2, keep: 3 }),
  checkpoint({ dir: 'run', every: { steps: 100 }, from: { initialEpoch: 2, startBatch: 4 } }),
  shuffled({ seed: 7 }),
  abortable(new AbortController().signal),
]
model.fit(x, y, { callbacks })
// @ts-expect-error where to?
checkpoint({ every: 2 })
// @ts-expect-error epochs are a number, steps an object
checkpoint({ dir: 'run', every: '2 epochs' })
// @ts-expect-error an order without a seed cannot be repeated
shuffled({})
// @ts-expect-error a controller is no signal
abortable(new AbortController())

// Going on.
exactly<Promise<Resumed>>()(resume(model, 'run'))
resume({ optimizer: nso(adam()), variables }, 'run')
exactly<Promise<string>>()(saveCheckpoint(model, { dir: 'run', epoch: 3, batch: 2 }))
exactly<Promise<(Resumed & { readonly path: string }) | null>>()(lastCheckpoint('run'))
const place: Place = await resume(model, 'run')
shuffledBatches(x, y, { seed: 1, from: place })
// @ts-expect-error from which batch on?
checkpoint({ dir: 'run', from: { initialEpoch: 2 } })
// @ts-expect-error which epoch?
saveCheckpoint(model, { dir: 'run' })
// @ts-expect-error an optimizer alone has no weights
resume(nso(adam()), 'run')
// @ts-expect-error into which model?
resume('run')

// Batches have the form of what they are cut from.
const batches = shuffledBatches([x, x], { labels: y }, { batchSize: 8, seed: 1 })
exactly<ShuffledBatches<Tensor[], { labels: Tensor }>>()(batches)
for (const { xs, ys } of batches.epoch(0)) {
  exactly<Tensor[]>()(xs)
  exactly<{ labels: Tensor }>()(ys)
}
if (batches instanceof ShuffledBatches) model.fitDataset(shuffledBatches(x, y, { seed: 1 }), { epochs: 2 })
// @ts-expect-error numbers are no examples
shuffledBatches([1, 2], y, { seed: 1 })
// @ts-expect-error no such option
shuffledBatches(x, y, { seed: 1, size: 8 })

// Another copy of tfjs.
exactly<void>()(registerTfjs(copy))
// @ts-expect-error a model is no module
registerTfjs(model)
