import { spawnSync } from 'node:child_process'
import test from 'ava'
import { fromNative, loadBinding, locate } from '../../src/native/index.ts'
import { packed } from './packed.ts'

const { Lanczos, Workspace } = loadBinding()
const ones = () => [new Float32Array(3).fill(1), new Float32Array(2).fill(1)]

function made(): InstanceType<typeof Workspace> {
  const workspace = new Workspace([3, 2], 'sgd', { sums: 1 })
  workspace.load(ones())
  workspace.begin(1, 'gaussian', 10, 0, 0, Float32Array.of(0.1, 0.1), true)
  return workspace
}

const update = {
  ...{ last: 1, pair: 1, sum: 0, scale: 0.5, paired: 1, clipNorm: 0, clipValue: 0, first: 1, lastOf: 1 },
  ...{ learningRate: 0.1, beta1: 0, beta2: 0, epsilon: 0, step: 1 },
}

/** The code of what a call throws. */
function code(f: () => unknown): string {
  try {
    f()
  } catch (error) {
    return fromNative(error).code
  }
  return 'nothing'
}

const short = ['begin', 'perturb', 'flip', 'accumulate', 'finish', 'restore'] as const
for (const name of [...short, 'collect', 'norms', 'load'] as const) {
  test(`${name} is of workspaces alone`, (t) => {
    const method = Workspace.prototype[name] as (...all: unknown[]) => unknown
    for (const receiver of [undefined, 1, {}, new Lanczos(4, true), Object.create(Workspace.prototype)]) {
      t.throws(() => method.call(receiver, 0, ones(), ones()), { message: 'Illegal invocation' })
    }
  })
}

test('the functions of passes do what the methods do, whatever they are called on', (t) => {
  const [plain, other] = [made(), made()]
  const passes = plain.passes()
  t.deepEqual(Object.keys(passes), [...short])
  const results = [plain, { ...passes }, other, 1, undefined].map((receiver) => {
    const [out, numbers] = [ones(), packed(update, 2)]
    const call = (name: (typeof short)[number], ...all: unknown[]) =>
      (receiver === plain ? plain[name] : (passes[name] as (...all: never[]) => unknown)).apply(
        receiver,
        all as never[],
      )
    plain.load(ones())
    call('begin', 1, 'gaussian', 10, 0, 0, Float32Array.of(0.1, 0.1), true)
    call('perturb', 0, out)
    const plus = out.map((one) => one.slice())
    call('flip', plus, out)
    const minus = out.map((one) => one.slice())
    call('finish', numbers, minus, out)
    return { plus, minus, out, numbers: [...numbers] }
  })
  t.notDeepEqual(results[0]!.plus, results[0]!.minus)
  // −U·(σU − (−σU)): some 2·0.1 an element.
  t.true(results[0]!.numbers.slice(-2).every((dot) => dot > 0))
  for (const result of results) t.deepEqual(result, results[0])
  other.restore(results[0]!.out)
  t.deepEqual(results[0]!.out, ones())
})

test('an argument that calls back into its own workspace finds it free, and a dispose then counts', (t) => {
  const [plain, workspace] = [made(), made()]
  const nested = workspace.passes()
  const [expected, out, inner] = [ones(), ones(), ones()]
  plain.perturb(0, expected)
  const calling = (call: () => void, gradients = ones()) =>
    Object.defineProperty([...gradients], 0, {
      get() {
        call()
        return gradients[0]
      },
    })
  nested.perturb(0, out)
  nested.flip(
    calling(() => nested.perturb(0, inner)),
    out,
  )
  plain.flip(ones(), expected)
  t.deepEqual(out, expected)
  for (const name of ['flip', 'norms'] as const) {
    const doomed = made()
    const { flip } = doomed.passes()
    const gradients = calling(() => doomed.dispose())
    const call = () =>
      name === 'flip' ? flip(gradients, out) : doomed.norms({ last: 1, pair: 0, metric: 'plain' }, gradients)
    t.is(code(call), 'ERR_DISPOSED', name)
  }
})

test('a getter that throws ends a call before anything is written', (t) => {
  const workspace = made()
  const out = ones()
  workspace.perturb(0, out)
  const before = out.map((one) => one.slice())
  const throwing = Object.defineProperty(ones(), 1, {
    get() {
      throw new RangeError('mine')
    },
  })
  const numbers = packed(update, 2)
  const passes = workspace.passes()
  for (const call of [
    () => passes.flip(throwing, out),
    () => passes.finish(numbers, throwing, out),
    () => passes.restore(throwing),
    () => workspace.finish(numbers, throwing, out),
    () => workspace.norms({ last: 1, pair: 0, metric: 'plain' }, throwing),
    () => workspace.load(throwing),
  ]) {
    t.throws(call, { instanceOf: RangeError, message: 'mine' })
  }
  t.deepEqual(out, before)
  t.deepEqual([...numbers.subarray(-2)], [0, 0])
  workspace.restore(out)
  t.deepEqual(out, ones())
})

test('a function of passes keeps its workspace, and what nobody keeps is collected', (t) => {
  const program = `
    const { Workspace } = require(${JSON.stringify((locate() as { file: string }).file)})
    const count = 100
    let collected = 0
    const registry = new FinalizationRegistry(() => collected++)
    function make() {
      return Array.from({ length: count }, (_, i) => {
        const one = new Workspace([64], 'sgd', { sums: 1 })
        registry.register(one)
        one.load([new Float32Array(64).fill(i)])
        return one.passes().restore
      })
    }
    async function collect() {
      for (let turn = 0; turn < 5; turn++) {
        gc()
        // Node finalizes what was collected between two turns.
        await new Promise(setImmediate)
      }
    }
    async function main() {
      let kept = make()
      const out = [new Float32Array(64)]
      await collect()
      const before = collected
      const right = kept.filter((restore, i) => {
        restore(out)
        return out[0].every((value) => value === i) && !Reflect.deleteProperty(restore, 'workspace')
      })
      kept = null
      right.length = Math.min(right.length, count / 2)
      await collect()
      console.log(JSON.stringify([before, right.length, collected]))
    }
    main()`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '-e', program], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  const [before, right, after] = JSON.parse(stdout) as [number, number, number]
  t.deepEqual([before, right], [0, 50])
  // A register may still know the last one.
  t.true(after >= 45 && after <= 50, `${after} collected`)
})
