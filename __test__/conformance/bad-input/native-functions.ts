import { spawnSync } from 'node:child_process'
import { type ErrorCode, SaltflatError } from '../../../src/index.ts'
import { loadBinding } from '../../../src/native/index.ts'
import { assert, simple, type Theme, written } from './case.ts'
import { type Argument, compute, flag, floats, list, name, native, object, spoilt, whole } from './native-arguments.ts'

const {
  tensorflowOp,
  tensorflowPlaces,
  Workspace,
  alignedArray,
  cpuInfo,
  deviceBytes,
  deviceRule,
  gpuInfo,
  nativeBytes,
  perturbBatch,
  perturbInPlace,
  randomWords,
  sample,
  selfTest,
  updateFields,
} = loadBinding()
const most = 2 ** 24 - 1
const draw = [whole('seed', 1, Number.MAX_SAFE_INTEGER), name('distribution', 'gaussian')]
const place = [whole('stream', 0, 255), whole('step', 0, 2 ** 32 - 1), whole('perturbation', 0, most)]
const invalid = (...values: unknown[]): Argument['wrongs'] => values.map((value) => [value, 'ERR_INVALID_ARGUMENT'])

const noise = object('noise', [
  ...draw,
  whole('rounds', 10, 10),
  whole('stream', 0, 255),
  whole('step', 0, 2 ** 32 - 1),
  whole('from', 0, 1),
  whole('to', 1, 2 ** 24),
  name('signs', 'plus'),
])
const sizes: Argument = {
  name: 'sizes',
  good: () => [3, 2],
  wrongs: [
    ...invalid(null, undefined, 'x', {}, [], [0, 0], ['x'], [null], [-1], [1.5], [Number.NaN], [2 ** 31]),
    [Array(64).fill(2 ** 31 - 1), 'ERR_INVALID_ARGUMENT', 'more than a machine holds'],
  ],
}
const vectors = object('vectors', [whole('sums', 1, 2), flag('bank', false), flag('origin', false)], ['bank', 'origin'])

const weights = list('weights', [3, 2])

/** Functions of the addon, its constructor, and the addon itself. */
export const nativeFunctions: Theme = {
  name: 'native functions',
  on: 'once',
  cases: [
    ...spoilt(
      'Workspace',
      [sizes, name('rule', 'sgd'), vectors, compute],
      (world) => (args) => world.hold(new Workspace(...(args as unknown as ConstructorParameters<typeof Workspace>))),
    ),
    ...['gpu', '', 'CUDA'].map((device) =>
      simple(
        'native Workspace',
        `options: { device: '${device}' }`,
        'ERR_INVALID_ARGUMENT',
        native(() => new Workspace([3], 'sgd', { sums: 0 }, { device })),
      ),
    ),
    ...spoilt(
      'alignedArray',
      [whole('length', 1, 2 ** 31)],
      () => (args) => alignedArray(...(args as unknown as [number])),
    ),
    simple('native alignedArray', '2^31 elements: as many as Node can address', 'works', () => {
      let length = 2 ** 31
      try {
        length = native(() => alignedArray(length).length)() as number
      } catch (error) {
        assert((error as SaltflatError).code === 'ERR_OUT_OF_MEMORY', 'it is refused as memory')
      }
      assert(length === 2 ** 31, 'or they are there')
    }),
    ...spoilt(
      'sample',
      [
        ...draw,
        ...place,
        whole('tensor', 0, 2 ** 32 - 1),
        whole('length', 1, 2 ** 31 - 1),
        { name: 'rounds', good: () => 10, wrongs: invalid(8, 7.5, Number.NaN, 'x', {}) },
      ],
      () => (args) => sample(...(args as unknown as Parameters<typeof sample>)),
    ),
    ...spoilt(
      'randomWords',
      [draw[0]!, ...place, whole('tile', 0, 2 ** 28 - 1), whole('length', 64, 2 ** 24)],
      () => (args) => randomWords(...(args as unknown as Parameters<typeof randomWords>)),
    ),
    simple(
      'native randomWords',
      'words beyond the last tile',
      'ERR_INVALID_ARGUMENT',
      native(() => randomWords(1, 0, 0, 0, 2 ** 28 - 1, 65)),
    ),
    ...spoilt(
      'perturbBatch',
      [
        { ...weights, wrongs: weights.wrongs.filter(([, code]) => code !== 'ERR_OVERLAP') },
        floats('scales', 2, 'ERR_INVALID_ARGUMENT'),
        noise,
        list('outputs', [3, 2]),
        compute,
      ],
      () => (args) => perturbBatch(...(args as unknown as Parameters<typeof perturbBatch>)),
    ),
    simple(
      'native perturbBatch',
      'scales that share memory with an output',
      'ERR_OVERLAP',
      native(() => {
        const memory = new Float32Array(2)
        perturbBatch([new Float32Array(1), new Float32Array(1)], memory, noise.good() as never, [
          memory.subarray(0, 1),
          new Float32Array(1),
        ])
      }),
    ),
    simple(
      'native perturbBatch',
      'draws that no output is there for',
      'ERR_SHAPE',
      native(() =>
        perturbBatch(
          [new Float32Array(1)],
          new Float32Array(1),
          { ...(noise.good() as object), to: 2 ** 24 } as never,
          [],
        ),
      ),
    ),
    ...spoilt(
      'perturbInPlace',
      [
        // There is nothing that they must be as long as.
        {
          ...weights,
          wrongs: weights.wrongs.filter(([, , what]) => what !== 'a short array' && what !== 'a long array'),
        },
        ...[floats('scales', 2, 'ERR_INVALID_ARGUMENT'), noise, compute],
      ],
      () => (args) => perturbInPlace(...(args as unknown as Parameters<typeof perturbInPlace>)),
    ),
    ...([{ signs: 'both' }, { to: 3 }, { from: 0, to: 0 }] as const).map((fields) =>
      simple(
        'native perturbInPlace',
        `not one copy: ${written(fields)}`,
        'ERR_INVALID_ARGUMENT',
        native(() =>
          perturbInPlace([new Float32Array(1)], new Float32Array(1), {
            ...(noise.good() as object),
            ...fields,
          } as never),
        ),
      ),
    ),
    simple('native tensorflowOp', 'arguments that it has not', 'works', () => {
      try {
        assert(typeof (tensorflowOp as (...rest: unknown[]) => unknown)(null, 1) === 'string', 'it is a name')
      } catch (error) {
        assert((error as SaltflatError).code === 'ERR_UNSUPPORTED', 'or there is no TensorFlow')
      }
    }),
    ...(['x', null, undefined, {}, 1n] as never[]).map((value) =>
      simple(
        'native tensorflowPlaces',
        `count: ${written(value)}`,
        'ERR_INVALID_ARGUMENT',
        native(() => tensorflowPlaces(value)),
      ),
    ),
    ...[-1, 2 ** 31, 7].map((value) =>
      simple('native tensorflowPlaces', `count: ${value}, of no call`, 'works', () =>
        assert(tensorflowPlaces(value) <= 0, 'there are none'),
      ),
    ),
    simple('native cpuInfo', 'arguments that it has not', 'works', () =>
      assert((cpuInfo as (...rest: unknown[]) => { threads: number })(null, 'x').threads > 0, 'it answers'),
    ),
    simple('native updateFields', 'arguments that it has not', 'works', () =>
      assert(new Set((updateFields as (...rest: unknown[]) => string[])(null, 'x')).size === 14, 'it answers'),
    ),
    simple('native gpuInfo', 'arguments that it has not', 'works', () =>
      assert((gpuInfo as (...rest: unknown[]) => { code: string })(null, 'x').code !== '', 'it answers'),
    ),
    simple('native deviceRule', 'arguments that it has not', 'works', () => {
      const found = (deviceRule as (...rest: unknown[]) => { cuda: unknown } | null)(null, 'x')
      assert(found === null || found.cuda !== undefined, 'there is one, or no GPU')
    }),
    simple('native deviceBytes', 'arguments that it has not', 'works', () =>
      assert((deviceBytes as (...rest: unknown[]) => number)(null, 'x') >= 0, 'it answers'),
    ),
    simple('native nativeBytes', 'arguments that it has not', 'works', () =>
      assert((nativeBytes as (...rest: unknown[]) => number)(null, 'x') >= 0, 'it answers'),
    ),
    simple('native selfTest', 'arguments that it has not', 'works', () =>
      assert((selfTest as (...rest: unknown[]) => { ok: boolean })(null, 'x').ok, 'it holds'),
    ),
    ...['/nowhere/saltflat.node', 'package.json'].map((file) =>
      simple('the addon', `SALTFLAT_BINARY=${file}`, 'ERR_NO_BINARY', () => loadedFrom(file)),
    ),
  ],
}

/** Loads the addon in a process of its own, for here it is loaded already, and throws what it says. */
function loadedFrom(file: string): void {
  const program = `import { loadBinding } from './src/native/index.ts'
    try { loadBinding() } catch ({ code, message }) { console.log(JSON.stringify({ code, message })) }`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import=@oxc-node/core/register', '--input-type=module', '--eval', program],
    { encoding: 'utf8', env: { ...process.env, SALTFLAT_BINARY: file } },
  )
  assert(stdout.startsWith('{'), `the process says what it threw: ${stderr}`)
  const { code, message } = JSON.parse(stdout) as { code: ErrorCode; message: string }
  throw new SaltflatError(code, message)
}
