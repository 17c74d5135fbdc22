// Every operation that tfjs-core can differentiate: its gradient against differences, on every backend. A gradient that a later
// tfjs adds fails the last test until it has a line here.
import test from 'ava'
import { withKernels } from '../../../src/grads/kernels/index.ts'
import { sizeOf, tf } from './helper.ts'
import { agreeEverywhere, type Gradients, gradientsOf, values } from './slopes.ts'

type Op = (...x: tf.Tensor[]) => tf.Tensor
type Case = readonly [op: Op, shapes: readonly number[][], map?: (value: number) => number]

const a = [3, 4]
const image = [2, 6, 5, 3]
const volume = [1, 4, 5, 3, 2]
const positive = (v: number) => Math.abs(v) + 0.3
const inside = (v: number) => v * 0.9
const one = (...ops: ((x: tf.Tensor) => tf.Tensor)[]): Case[] => ops.map((op) => [op as Op, [a]])
const above = (op: (x: tf.Tensor) => tf.Tensor): Case[] => [[op as Op, [a], positive]]
const two = (op: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor, map?: (value: number) => number): Case[] =>
  [a, [4]].map((second): Case => [op as Op, [a, second], map ?? ((v) => v)])
const on = (shapes: readonly number[][], ...ops: Op[]): Case[] => ops.map((op) => [op, shapes])
const i32 = (data: number[], ...shape: number[]) => tf.tensor(data, shape.length > 0 ? shape : [data.length], 'int32')
const four = (op: (x: tf.Tensor4D, w: tf.Tensor4D) => tf.Tensor) => op as unknown as Op
const five = (op: (x: tf.Tensor5D, w: tf.Tensor5D) => tf.Tensor) => op as unknown as Op
const batchNorm: Op = (x, mean, variance, offset, scale) =>
  tf.batchNorm(
    x as tf.Tensor4D,
    mean as tf.Tensor1D,
    variance as tf.Tensor1D,
    offset as tf.Tensor1D,
    scale as tf.Tensor1D,
  )
const bool = () => tf.tensor([1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0], a, 'bool')

const cases: Record<string, Case[]> = {
  Abs: one(tf.abs),
  Acos: [[tf.acos as Op, [a], inside]],
  Acosh: [[tf.acosh as Op, [a], (v) => v + 2.2]],
  Add: two(tf.add),
  AddN: on([a, a], (x, y) => tf.addN([x!, y!])),
  Asin: [[tf.asin as Op, [a], inside]],
  Asinh: one(tf.asinh),
  Atan: one(tf.atan),
  Atan2: two(tf.atan2, positive),
  Atanh: [[tf.atanh as Op, [a], inside]],
  AvgPool: on(
    [image],
    four((x) => tf.avgPool(x, 2, 2, 'valid')),
    four((x) => tf.avgPool(x, 3, 2, 'same')),
    four((x) => tf.pool(x, 2, 'avg', 'valid', 2)),
  ),
  AvgPool3D: on(
    [volume],
    five((x) => tf.avgPool3d(x, 2, 1, 'same')),
  ),
  BatchMatMul: [
    ...on(
      [
        [2, 3, 4],
        [2, 4, 5],
      ],
      (x, y) => tf.matMul(x!, y!),
    ),
    ...on(
      [
        [2, 4, 3],
        [2, 5, 4],
      ],
      (x, y) => tf.matMul(x!, y!, true, true),
    ),
    ...on(
      [
        [4, 3],
        [4, 5],
      ],
      (x, y) => tf.matMul(x!, y!, true),
    ),
    ...on(
      [
        [3, 4],
        [5, 4],
      ],
      (x, y) => tf.matMul(x!, y!, false, true),
    ),
  ],
  BatchToSpaceND: on([[4, 3, 2]], (x) =>
    tf.batchToSpaceND(
      x!,
      [2, 1],
      [
        [1, 0],
        [0, 0],
      ],
    ),
  ),
  BroadcastTo: one((x) => tf.broadcastTo(x, [3, 3, 4])),
  Cast: one((x) => tf.cast(x, 'float32')),
  Ceil: one(tf.ceil),
  ClipByValue: one((x) => tf.clipByValue(x, -0.5, 0.6)),
  Concat: on([a, a], (x, y) => tf.concat([x!, y!], 1)),
  Conv2D: on(
    [image, [3, 2, 3, 4]],
    four((x, w) => tf.conv2d(x, w, [1, 2], 'same')),
  ),
  Conv2DBackpropInput: on(
    [image, [3, 2, 4, 3]],
    four((x, w) => tf.conv2dTranspose(x, w, [2, 12, 10, 4], 2, 'same')),
  ),
  Conv3D: on(
    [volume, [2, 2, 2, 2, 3]],
    five((x, w) => tf.conv3d(x, w, 1, 'valid')),
    five((x, w) => tf.conv3d(x, w, 2, 'same')),
  ),
  Cos: one(tf.cos),
  Cosh: one(tf.cosh),
  Cumsum: one(
    (x) => tf.cumsum(x, 1, true),
    (x) => tf.cumsum(x, 1, false, true),
  ),
  DepthwiseConv2dNative: on(
    [image, [2, 2, 3, 2]],
    four((x, w) => tf.depthwiseConv2d(x, w, 1, 'same')),
  ),
  Elu: one(tf.elu),
  Erf: one(tf.erf),
  Exp: one(tf.exp),
  ExpandDims: one((x) => tf.expandDims(x, 1)),
  Expm1: one(tf.expm1),
  Floor: one(tf.floor),
  FusedBatchNorm: [[batchNorm, [image, [3], [3], [3], [3]], positive]],
  GatherV2: one(
    (x) => tf.gather(x, i32([1, 0, 1, 2])),
    (x) => tf.gather(x, i32([1, 0, 1]), 1),
  ),
  Identity: one(tf.clone),
  LRN: on(
    [image],
    four((x) => tf.localResponseNormalization(x, 2, 1.2, 0.7, 0.6)),
  ),
  LeakyRelu: one((x) => tf.leakyRelu(x, 0.1)),
  Log: above(tf.log),
  Log1p: above(tf.log1p),
  LogSoftmax: one((x) => tf.logSoftmax(x)),
  Max: one((x) => tf.max(x, 1)),
  MaxPool: on(
    [image],
    four((x) => tf.maxPool(x, 2, 2, 'valid')),
    four((x) => tf.maxPool(x, [3, 2], 2, 'same')),
  ),
  MaxPool3D: on(
    [volume],
    five((x) => tf.maxPool3d(x, [2, 1, 3], 1, 'same')),
  ),
  // Of one shape: tfjs-core's gradients of these three do not broadcast.
  Maximum: on([a, a], (x, y) => tf.maximum(x!, y!)),
  Mean: one((x) => tf.mean(x, 1)),
  Min: one((x) => tf.min(x, 0)),
  Minimum: on([a, a], (x, y) => tf.minimum(x!, y!)),
  Mod: two(tf.mod, positive),
  Multiply: two(tf.mul),
  Neg: one(tf.neg),
  Pack: on([a, a], (x, y) => tf.stack([x!, y!], 1)),
  PadV2: one((x) =>
    tf.pad(x, [
      [1, 0],
      [2, 1],
    ]),
  ),
  Pow: two(tf.pow, positive),
  Prelu: on([a, [4]], (x, y) => tf.prelu(x!, y!)),
  Prod: one((x) => tf.prod(x, 1)),
  RealDiv: two(tf.div, positive),
  Reciprocal: above(tf.reciprocal),
  Relu: one(tf.relu),
  Relu6: one(tf.relu6),
  Reshape: one((x) => tf.reshape(x, [2, 6])),
  ResizeBilinear: on(
    [image],
    four((x) => tf.image.resizeBilinear(x, [9, 3])),
    four((x) => tf.image.resizeBilinear(x, [4, 9], true)),
  ),
  ResizeNearestNeighbor: on(
    [image],
    four((x) => tf.image.resizeNearestNeighbor(x, [9, 3])),
    four((x) => tf.image.resizeNearestNeighbor(x, [4, 9], true)),
  ),
  Reverse: one((x) => tf.reverse(x, 1)),
  Round: one(tf.round),
  Rsqrt: above(tf.rsqrt),
  Select: on([a, a], (x, y) => tf.where(bool(), x!, y!)),
  Selu: one(tf.selu),
  Sigmoid: one(tf.sigmoid),
  Sign: one(tf.sign),
  Sin: one(tf.sin),
  Sinh: one(tf.sinh),
  Slice: one((x) => tf.slice(x, [1, 1], [2, 2])),
  Softmax: one((x) => tf.softmax(x)),
  Softplus: one(tf.softplus),
  SpaceToBatchND: on([[2, 3, 2]], (x) =>
    tf.spaceToBatchND(
      x!,
      [2, 1],
      [
        [1, 0],
        [0, 0],
      ],
    ),
  ),
  SplitV: one((x) => {
    const [left, right] = tf.split(x, 2, 1)
    return tf.mul(left!, right!)
  }),
  Sqrt: above(tf.sqrt),
  Square: one(tf.square),
  SquaredDifference: on([a, a], (x, y) => tf.squaredDifference(x!, y!)),
  Step: one((x) => tf.step(x, 0.1)),
  Sub: two(tf.sub),
  Sum: one((x) => tf.sum(x, 0)),
  Tan: one(tf.tan),
  Tanh: one(tf.tanh),
  Tile: one((x) => tf.tile(x, [2, 3])),
  Transpose: one((x) => tf.transpose(x, [1, 0])),
  Unpack: one((x) => {
    const [first, , third] = tf.unstack(x, 1)
    return tf.mul(first!, third!)
  }),
  UnsortedSegmentSum: one((x) => tf.unsortedSegmentSum(x, tf.tensor1d([1, 0, 1], 'int32'), 3)),
}

/** Gradients that are no function's, or that tfjs-core itself has wrong, whatever the kernels of a backend. */
const excepted: Record<string, string> = {
  ArgMax: 'whole numbers',
  ArgMin: 'whole numbers',
  ComplexAbs: 'complex numbers, which no backend but cpu has',
  Dilation2D: 'wrong on wasm already forward; no layer uses it',
  FloorDiv: 'tfjs-core takes it for a division: see ../right-gradients.spec.ts',
  GreaterEqual: 'true or false',
  IsFinite: 'true or false',
  IsInf: 'true or false',
  IsNan: 'true or false',
  MirrorPad: 'tfjs-core leaves out the mirrored parts: see ../right-gradients.spec.ts',
  OneHot: 'whole numbers',
  OnesLike: 'a constant',
  ZerosLike: 'a constant',
}

async function ofCase(backend: string, [op, shapes, map = (v) => v]: Case): Promise<Gradients> {
  await tf.setBackend(backend)
  const variables = shapes.map((shape, i) =>
    tf.variable(
      tf.tensor(
        values(sizeOf(shape), i).map((v) => map(v)),
        [...shape],
      ),
    ),
  )
  const shape = withKernels(backend, () => tf.tidy(() => op(...variables).shape))
  const dy = tf.tensor(values(sizeOf(shape), 3), shape)
  const found = gradientsOf(backend, variables, () => tf.sum(tf.mul(op(...variables), dy)).asScalar())
  dy.dispose()
  tf.disposeVariables()
  return found
}

agreeEverywhere(test, cases, ofCase)

test('no gradient of tfjs is forgotten', (t) => {
  const { _tfGlobals } = globalThis as unknown as { _tfGlobals: Map<string, Map<string, unknown>> }
  const names = [..._tfGlobals.get('gradRegistry')!.keys()]
  t.true(names.length > 90)
  t.deepEqual(
    names.filter((name) => !(name in cases) && !(name in excepted)),
    [],
  )
})
