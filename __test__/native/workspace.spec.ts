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

for (const name of [
  'begin',
  'perturb',
  'flip',
  'accumulate',
  'collect',
  'finish',
  'restore',
  'norms',
  'load',
] as const) {
  test(`${name} is of workspaces alone`, (t) => {
    const method = Workspace.prototype[name] as (...all: unknown[]) => unknown
    for (const receiver of [undefined, 1, {}, new Lanczos(4, true), Object.create(Workspace.prototype)]) {
      t.not(
        code(() => method.call(receiver, 0, ones(), ones())),
        'nothing',
      )
    }
    // Also once the addon has seen a workspace there, and another object lies in its place.
    made().perturb(0, ones())
    t.not(
      code(() => method.call(new Lanczos(4, true), 0, ones(), ones())),
      'nothing',
    )
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

test('places of collected workspaces are taken by others, which are known for what they are', (t) => {
  const program = `
    const { Workspace, Lanczos } = require(${JSON.stringify((locate() as { file: string }).file)})
    const out = [new Float32Array(64)]
    let refused = 0
    for (let round = 0; round < 300; round++) {
      const all = Array.from({ length: 40 }, (_, i) => {
        if ((i + round) % 3 === 0) return new Lanczos(4, true)
        const one = new Workspace([64], 'sgd', { sums: 1 })
        one.load([new Float32Array(64).fill(i)])
        one.restore(out)
        if (out[0][0] !== i) throw new Error('wrong weights')
        return one
      })
      for (const [i, one] of all.entries()) {
        try {
          Workspace.prototype.restore.call(one, out)
          if (out[0][0] !== i) throw new Error('wrong weights')
        } catch (error) {
          if (!(one instanceof Lanczos)) throw error
          refused++
        }
      }
      if (round % 10 === 0) gc()
    }
    console.log(refused)`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '-e', program], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  t.is(Number(stdout), 4000)
})
