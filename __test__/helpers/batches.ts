import type { Batches, DataBatch } from '../../src/grads/stream.ts'
import { tf } from './backends.ts'

type Batch = DataBatch & { readonly xs: tf.Tensor; readonly ys: tf.Tensor }

/** Examples in batches of these sizes, in every form that data in batches can have; `dispose` is for the array's. */
export function inEveryForm(
  x: tf.Tensor,
  y: tf.Tensor,
  sizes: readonly number[],
): {
  forms: { array: Batch[]; function: () => Generator<Batch>; iterable: Batches; dataset: Batches }
  dispose(): void
} {
  const cut = (one: tf.Tensor, k: number) =>
    tf.slice(
      one,
      sizes.slice(0, k).reduce((sum, size) => sum + size, 0),
      sizes[k]!,
    )
  function* all() {
    for (const k of sizes.keys()) yield { xs: cut(x, k), ys: cut(y, k) }
  }
  const array = [...all()]
  const rows = (one: tf.Tensor) => tf.data.array(one.arraySync() as number[][])
  const forms = {
    array,
    function: all,
    iterable: {
      async *[Symbol.asyncIterator]() {
        yield* all()
      },
    },
    dataset: tf.data.zip({ xs: rows(x), ys: rows(y) } as never).batch(sizes[0]!) as unknown as {
      iterator(): Promise<unknown>
    },
  }
  return { forms, dispose: () => tf.dispose(array) }
}
