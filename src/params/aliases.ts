import type { DataId } from './store.ts'

/** TensorFlow ops whose output may be the input's own memory. tfjs does not count these as references. */
const aliasing = new Set([
  'AddN',
  'BatchToSpaceND',
  'Bitcast',
  'BroadcastTo',
  'Cast',
  'ConcatV2',
  'Einsum',
  'ExpandDims',
  'Identity',
  'Max',
  'Mean',
  'Min',
  'MirrorPad',
  'Pack',
  'Pad',
  'PadV2',
  'Prod',
  'Reshape',
  'ReverseV2',
  'Slice',
  'SpaceToBatchND',
  'Split',
  'SplitV',
  'Squeeze',
  'StridedSlice',
  'Sum',
  'Tile',
  'Transpose',
  'Unpack',
])

interface Executor {
  tensorMap: { has(id: DataId): boolean }
  executeSingleOutput(name: string, attributes: unknown, inputs: { dataId: DataId }[]): { dataId: DataId }
  executeMultipleOutputs(
    name: string,
    attributes: unknown,
    inputs: { dataId: DataId }[],
    outputs: number,
  ): { dataId: DataId }[]
}

/** Counts what may share the memory of watched tensors. */
export interface Aliases {
  /** From now on, ops that take this data are looked at. */
  watch(id: DataId): void
  /** Outputs alive that may share this data's memory. */
  alive(id: DataId): number
}

const watched = new WeakMap<object, Aliases>()

/**
 * Notes the outputs of aliasing ops on watched data, for one backend. A `reshape` on tfjs-node is a TensorFlow op whose
 * result is the same memory under a new id: whoever keeps it must not see the weights move.
 */
export function watchAliases(backend: unknown): Aliases {
  const executor = backend as Executor
  const known = watched.get(executor)
  if (known !== undefined) return known
  /** Data → the watched data whose memory it may be. */
  const origin = new WeakMap<DataId, DataId>()
  const outputs = new WeakMap<DataId, { ids: Set<DataId>; limit: number }>()
  const prune = (ids: Set<DataId>) => {
    for (const one of ids) if (!executor.tensorMap.has(one)) ids.delete(one)
    return ids.size
  }
  const note = (name: string, inputs: { dataId: DataId }[], results: { dataId: DataId }[]) => {
    if (!aliasing.has(name)) return
    for (const input of inputs) {
      const source = origin.get(input.dataId)
      if (source === undefined) continue
      const known = outputs.get(source)
      if (known === undefined) continue
      for (const result of results) {
        origin.set(result.dataId, source)
        known.ids.add(result.dataId)
      }
      // A model that only predicts never asks for `alive`: forget the dead as they pile up.
      if (known.ids.size > known.limit) known.limit = 64 + 2 * prune(known.ids)
    }
  }
  const single = executor.executeSingleOutput
  executor.executeSingleOutput = function (name, attributes, inputs) {
    const result = single.call(this, name, attributes, inputs)
    note(name, inputs, [result])
    return result
  }
  const multiple = executor.executeMultipleOutputs
  executor.executeMultipleOutputs = function (name, attributes, inputs, count) {
    const results = multiple.call(this, name, attributes, inputs, count)
    note(name, inputs, results)
    return results
  }
  const aliases: Aliases = {
    watch(id) {
      origin.set(id, id)
      outputs.set(id, { ids: new Set(), limit: 64 })
    },
    alive(id) {
      const known = outputs.get(id)
      return known === undefined ? 0 : prune(known.ids)
    },
  }
  watched.set(executor, aliases)
  return aliases
}
