// Every layer of tfjs-layers: its gradient by input and weights against differences, on every backend. A layer that a later tfjs
// adds fails the last test until it has a line here.
import test from 'ava'
import { sizeOf, tf } from './helper.ts'
import { agreeEverywhere, type Gradients, gradientsOf, values } from './slopes.ts'

type Layer = tf.layers.Layer
interface Case {
  make: () => Layer
  /** Shapes of the inputs, without the batch. */
  inputs: number[][]
}

const { layers: l } = tf
const image = [6, 5, 4]
const volume = [4, 5, 3, 2]
const sequence = [5, 3]
const on = (inputs: number[][], ...makes: (() => Layer)[]): Case[] => makes.map((make) => ({ make, inputs }))

const cases: Record<string, Case[]> = {
  ReLU: on([image], () => l.reLU({ maxValue: 0.5 })),
  LeakyReLU: on([image], () => l.leakyReLU()),
  PReLU: on([image], () => l.prelu()),
  ELU: on([image], () => l.elu()),
  Softmax: on([sequence], () => l.softmax({ axis: 2 })),
  Activation: [
    ...['elu', 'selu', 'relu', 'relu6', 'linear', 'sigmoid', 'hardSigmoid', 'softplus', 'softsign', 'tanh', 'softmax'],
    ...['logSoftmax', 'gelu', 'mish', 'swish'],
  ].flatMap((activation) => on([image], () => l.activation({ activation: activation as 'elu' }))),
  Conv1D: on([sequence], () => l.conv1d({ filters: 3, kernelSize: 2 })),
  Conv2D: on(
    [image],
    () => l.conv2d({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' }),
    () => l.conv2d({ filters: 2, kernelSize: [2, 3], activation: 'tanh' }),
    () => l.conv2d({ filters: 3, kernelSize: 3, dataFormat: 'channelsFirst' }),
  ),
  Conv2DTranspose: on([image], () => l.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: 'same' })),
  Conv3D: on(
    [volume],
    () => l.conv3d({ filters: 2, kernelSize: 2 }),
    () => l.conv3d({ filters: 2, kernelSize: 3, strides: 2, padding: 'same' }),
  ),
  SeparableConv2D: on([image], () => l.separableConv2d({ filters: 3, kernelSize: 2, depthMultiplier: 2 })),
  DepthwiseConv2D: on(
    [image],
    () => l.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2 }),
    () => l.depthwiseConv2d({ kernelSize: 2, dilationRate: 2 }),
  ),
  Cropping2D: on([image], () =>
    l.cropping2D({
      cropping: [
        [1, 1],
        [1, 0],
      ],
    }),
  ),
  UpSampling2D: on(
    [image],
    () => l.upSampling2d({ size: [2, 3] }),
    () => l.upSampling2d({ size: [2, 3], interpolation: 'bilinear' }),
  ),
  Resizing: on(
    [image],
    () => l.resizing({ height: 4, width: 7, interpolation: 'nearest' }),
    () => l.resizing({ height: 9, width: 3, interpolation: 'bilinear' }),
    () => l.resizing({ height: 8, width: 8, cropToAspectRatio: true }),
  ),
  Rescaling: on([image], () => l.rescaling({ scale: 0.5, offset: 1 })),
  // Larger than the image, so that it resizes; where it crops, tfjs has no gradient.
  CenterCrop: on([image], () => l.centerCrop({ height: 8, width: 9 })),
  SimpleRNN: on([sequence], () => l.simpleRNN({ units: 3 })),
  LSTM: on([sequence], () => l.lstm({ units: 3 })),
  GRU: on([sequence], () => l.gru({ units: 3, returnSequences: true })),
  RNN: on([sequence], () => l.rnn({ cell: [l.simpleRNNCell({ units: 2 }), l.lstmCell({ units: 2 })] })),
  ConvLSTM2D: on([[3, 4, 4, 2]], () => l.convLstm2d({ filters: 2, kernelSize: 2 }) as unknown as Layer),
  Bidirectional: on([sequence], () => l.bidirectional({ layer: l.lstm({ units: 2 }) as tf.RNN, mergeMode: 'concat' })),
  TimeDistributed: on([sequence], () => l.timeDistributed({ layer: l.dense({ units: 2 }) })),
  Dropout: on([image], () => l.dropout({ rate: 0.4, seed: 3 })),
  SpatialDropout1D: on([sequence], () => l.spatialDropout1d({ rate: 0.4, seed: 3 })),
  GaussianNoise: on([image], () => l.gaussianNoise({ stddev: 0.1 })),
  GaussianDropout: on([image], () => l.gaussianDropout({ rate: 0.2 })),
  AlphaDropout: on([image], () => l.alphaDropout({ rate: 0.2 })),
  Dense: on([image], () => l.dense({ units: 3 })).concat(on([[5]], () => l.dense({ units: 3 }))),
  Embedding: on([], () => l.embedding({ inputDim: 5, outputDim: 3 })),
  Flatten: on([image], () => l.flatten()),
  RepeatVector: on([[4]], () => l.repeatVector({ n: 3 })),
  Permute: on([image], () => l.permute({ dims: [2, 1, 3] })),
  Reshape: on([image], () => l.reshape({ targetShape: [5, -1] })),
  BatchNormalization: on([image], () => l.batchNormalization()),
  LayerNormalization: on([image], () => l.layerNormalization()),
  ZeroPadding2D: on([image], () =>
    l.zeroPadding2d({
      padding: [
        [1, 2],
        [0, 1],
      ],
    }),
  ),
  MaxPooling1D: on([sequence], () => l.maxPooling1d({ poolSize: 2 })),
  AveragePooling1D: on([sequence], () => l.averagePooling1d({ poolSize: 2, padding: 'same' })),
  MaxPooling2D: on([image], () => l.maxPooling2d({ poolSize: [2, 3], strides: 2, padding: 'same' })),
  AveragePooling2D: on([image], () => l.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  MaxPooling3D: on([volume], () => l.maxPooling3d({ poolSize: [2, 3, 1], strides: 1, padding: 'same' })),
  AveragePooling3D: on([volume], () => l.averagePooling3d({ poolSize: 2, strides: 1, padding: 'same' })),
  GlobalAveragePooling1D: on([sequence], () => l.globalAveragePooling1d()),
  GlobalMaxPooling1D: on([sequence], () => l.globalMaxPooling1d()),
  GlobalAveragePooling2D: on([image], () => l.globalAveragePooling2d({})),
  GlobalMaxPooling2D: on([image], () => l.globalMaxPooling2d({})),
  Add: on([sequence, sequence], () => l.add()),
  Multiply: on([sequence, sequence], () => l.multiply()),
  Average: on([sequence, sequence], () => l.average()),
  Maximum: on([sequence, sequence], () => l.maximum()),
  Minimum: on([sequence, sequence], () => l.minimum()),
  Concatenate: on([sequence, sequence], () => l.concatenate({ axis: 1 })),
  Dot: on([sequence, [4, 3]], () => l.dot({ axes: [2, 2] })),
}

/** Layers that are no function of an input, or that tfjs itself cannot differentiate, whatever the backend. */
const excepted: Record<string, string> = {
  CategoryEncoding: 'counts whole numbers',
  Conv3DTranspose: 'tfjs has no gradient of Conv3DBackpropInputV2',
  Masking: 'tfjs has no gradient of Any; only for data',
  RandomWidth: 'a size of its own at each call',
  ThresholdedReLU: 'tfjs has no gradient of Greater',
}
const parts = ['InputLayer', 'Model', 'Functional', 'Sequential', 'SeparableConv', 'ConvRNN2D', 'StackedRNNCells']
const cells = ['SimpleRNNCell', 'GRUCell', 'LSTMCell', 'ConvLSTM2DCell']

async function ofLayer(backend: string, { make, inputs }: Case): Promise<Gradients> {
  await tf.setBackend(backend)
  const layer = make()
  const ids = tf.tensor2d([1, 3, 2, 1, 0, 1], [2, 3], 'int32')
  const sources = inputs.map((shape, i) => tf.variable(tf.tensor(values(2 * sizeOf(shape), i), [2, ...shape])))
  const apply = () => {
    const random = Math.random
    let state = 5
    // Layers without a seed draw the same each time.
    Math.random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 32
    }
    try {
      const input = inputs.length === 0 ? ids : inputs.length === 1 ? sources[0]! : sources
      return layer.apply(input, { training: true }) as tf.Tensor
    } finally {
      Math.random = random
    }
  }
  const shape = tf.tidy(() => apply().shape)
  for (const [i, weight] of layer.trainableWeights.entries()) {
    const size = sizeOf(weight.shape as number[])
    weight.write(
      tf.tensor(
        values(size, i).map((v) => v / 2 + 0.1),
        weight.shape as number[],
      ),
    )
  }
  const dy = tf.tensor(values(sizeOf(shape), 3), shape)
  const variables = [...sources, ...layer.trainableWeights.map((weight) => weight.read() as tf.Variable)]
  const loss = () => tf.sum(tf.mul(apply(), dy)).asScalar()
  const found = gradientsOf(backend, variables, loss)
  tf.dispose([...sources, ids, dy])
  layer.dispose()
  tf.disposeVariables()
  return found
}

agreeEverywhere(test, cases, ofLayer)

test('no layer of tfjs is forgotten', (t) => {
  const { classNameMap } = tf.serialization.SerializationMap.getMap()
  const layers = Object.entries(classNameMap).filter(([, [type]]) => type.prototype instanceof tf.layers.Layer)
  t.true(layers.length > 50)
  const known = new Set([...Object.keys(cases), ...Object.keys(excepted), ...parts, ...cells])
  t.deepEqual(
    layers.map(([name]) => name).filter((name) => !known.has(name)),
    [],
  )
})

test.serial('what tfjs cannot differentiate it refuses', async (t) => {
  await tf.setBackend('cpu')
  const refused: [() => Layer, number[]][] = [
    [() => l.thresholdedReLU({ theta: 0.3 }), image],
    [() => l.masking(), sequence],
    [() => l.conv3dTranspose({ filters: 2, kernelSize: 2 }), volume],
    [() => l.conv2d({ filters: 2, kernelSize: 2, dilationRate: 2 }), image],
  ]
  for (const [make, shape] of refused)
    await t.throwsAsync(() => ofLayer('cpu', { make, inputs: [shape] }), { message: /not found|not yet supported/ })
})
