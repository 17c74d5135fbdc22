import { spawnSync } from 'node:child_process'
import test from 'ava'
import { fromNative, loadBinding, locate } from '../../src/native/index.ts'

const { Lanczos, Workspace } = loadBinding()
const ones = () => [new Float32Array(3).fill(1), new Float32Array(2).fill(1)]

function made(): InstanceType<typeof Workspace> {
  const workspace = new Workspace([3, 2], 'sgd', { sums: 1 })
  workspace.load(ones())
  workspace.begin(1, 'gaussian', 10, 0, 0, Float32Array.of(0.1, 0.1), true)
  return workspace
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
  // Node itself refuses for napi-rs: what comes by the short way shows that it does.
  const message = (short as readonly string[]).includes(name)
    ? 'Value is not an instance of class `Workspace`'
    : 'Illegal invocation'
  test(`${name} is of workspaces alone`, (t) => {
    const method = Workspace.prototype[name] as (...all: unknown[]) => unknown
    made().restore(ones())
    for (const receiver of [undefined, 1, {}, new Lanczos(4, true), Object.create(Workspace.prototype)]) {
      t.throws(() => method.call(receiver, 0, ones(), ones()), { message })
    }
  })
}

test('an argument that calls back into its own workspace finds it free, and a dispose then counts', (t) => {
  const [plain, nested] = [made(), made()]
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
    const gradients = calling(() => doomed.dispose())
    const call = () =>
      name === 'flip' ? doomed.flip(gradients, out) : doomed.norms({ last: 1, pair: 0, metric: 'plain' }, gradients)
    t.is(code(call), 'ERR_DISPOSED', name)
  }
})

test('while workspaces come and are collected, each call knows its own, and takes nothing else for one', (t) => {
  const program = `
    const { Workspace, Lanczos } = require(${JSON.stringify((locate() as { file: string }).file)})
    const out = [new Float32Array(64)]
    let [refused, collected] = [0, 0]
    const registry = new FinalizationRegistry(() => collected++)
    function round(number) {
      for (let i = 0; i < 40; i++) {
        const other = (i + number) % 3 === 0
        const one = other ? new Lanczos(4, true) : new Workspace([64], 'sgd', { sums: 1 })
        if (!other) registry.register(one)
        if (!other) one.load([new Float32Array(64).fill(i)])
        let thrown = null
        try {
          Workspace.prototype.restore.call(one, out)
        } catch (error) {
          thrown = error
        }
        if (other ? !/not an instance/.test(thrown?.message) : thrown !== null) throw new Error('wrongly taken: ' + thrown)
        if (!other && out[0][0] !== i) throw new Error('wrong weights')
        if (other) refused++
      }
    }
    async function main() {
      for (let number = 0; number < 150; number++) {
        round(number)
        if (number % 5 !== 0) continue
        gc()
        // Node finalizes what was collected between two turns.
        for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
      }
      console.log(JSON.stringify([refused, collected]))
    }
    main()`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '-e', program], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  const [refused, collected] = JSON.parse(stdout) as [number, number]
  t.is(refused, 2000)
  t.true(collected > 2000, `${collected} collected`)
})
