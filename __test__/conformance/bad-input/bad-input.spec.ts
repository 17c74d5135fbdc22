import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import * as saltflat from '../../../src/index.ts'
import { codes } from '../../../src/native/errors.ts'
import { loadBinding } from '../../../src/native/index.ts'
import { backends, bits, tf } from '../../helpers/backends.ts'
import { type Case, type Theme, World } from './case.ts'
import { themes } from './themes.ts'

// THE table of bad inputs. Each case: a typed error with its code, whose message says what was expected and what came,
// or that it works; weights bit-equal, no tensor and no byte left behind, tfjs as it was, and a step works afterwards.

const fewest = 200
/** Reached where faults are injected, and where the driver of a GPU is. */
const reachedElsewhere = {
  ERR_PANIC: 'native-faults.spec.ts',
  ERR_NO_DEVICE: 'device.spec.ts',
  ERR_CUDA: 'device.spec.ts',
}

for (const theme of themes) {
  for (const backend of theme.on === 'once' ? ['cpu'] : backends) {
    test.serial(`${theme.name}, ${backend}: ${theme.cases.length} cases`, async (t) => {
      await tf.setBackend(backend)
      await tf.ready()
      const wrong: string[] = []
      for (const one of theme.cases) {
        if (one.except !== backend) wrong.push(...(await complaints(one, theme, backend)))
      }
      t.deepEqual(wrong, [])
    })
  }
}

test('cases are distinct, and at least so many', (t) => {
  const titles = themes.flatMap(({ name, cases }) => cases.map(({ of, what }) => `${name} | ${of} | ${what}`))
  t.deepEqual(
    titles.filter((title, i) => titles.indexOf(title) !== i),
    [],
  )
  t.log(`${titles.length} bad inputs: ${themes.map(({ name, cases }) => `${cases.length} ${name}`).join(', ')}`)
  t.true(titles.length >= fewest)
})

test('every code is reached', (t) => {
  const reached = new Set<string>([...outcomes(themes), ...Object.keys(reachedElsewhere)])
  t.deepEqual(
    Object.keys(codes).filter((code) => !reached.has(code)),
    [],
  )
  for (const [code, file] of Object.entries(reachedElsewhere)) {
    t.true(Object.hasOwn(codes, code))
    t.true(readFileSync(new URL(`../../long/${file}`, import.meta.url), 'utf8').includes(code), code)
  }
})

test('every public function and every native export has a case', (t) => {
  const named = new Set(themes.flatMap(({ cases }) => cases.map(({ of }) => of)))
  const publicNames = Object.entries(saltflat).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []))
  const { Workspace, Lanczos, Basis, ...functions } = loadBinding()
  const methods = Object.entries({ Workspace, Lanczos, Basis }).flatMap(([of, { prototype }]) =>
    Object.getOwnPropertyNames(prototype).map((name) => (name === 'constructor' ? of : `${of}.${name}`)),
  )
  const native = [...Object.keys(functions), ...methods].map((name) => `native ${name}`)
  const missing = [...publicNames, ...native].filter((name) => !named.has(name))
  t.deepEqual(missing, [])
})

function outcomes(all: readonly Theme[]): string[] {
  return all.flatMap(({ cases }) => cases.map(({ outcome }) => outcome))
}

/** Runs a case; gives what is wrong with what came of it. */
async function complaints(one: Case, theme: Theme, backend: string): Promise<string[]> {
  const outside = tf.memory().numTensors
  const world = new World()
  tf.engine().startScope(one.what)
  const call = await one.given(world)
  const before = look(world)
  let thrown: unknown
  let made: unknown
  try {
    made = await call()
  } catch (error) {
    thrown = error
  }
  await tf.setBackend(backend)
  const after = look(world)
  const wrong = [...judged(one, thrown), ...changed(one, before, after)]
  // And it goes on.
  if (theme.on === 'each backend' && !world.variables.some(({ isDisposed }) => isDisposed)) {
    const optimizer = saltflat.nso(saltflat.sgd(), { seed: 1 })
    optimizer.minimize(world.loss, false, world.variables)
    optimizer.dispose()
  }
  ;(made as { dispose?(): void } | undefined)?.dispose?.()
  world.dispose()
  tf.engine().endScope()
  const left = tf.memory().numTensors - outside
  if (left !== 0) wrong.push(`${left} tensors in the end`)
  return wrong.map((what) => `${one.of}, ${one.what}: ${what}`)
}

function judged(one: Case, thrown: unknown): string[] {
  const stack = (thrown as Error | undefined)?.stack ?? String(thrown)
  if (one.outcome === 'works') return thrown === undefined ? [] : [`threw ${stack}`]
  if (!(thrown instanceof saltflat.SaltflatError)) return [thrown === undefined ? 'nothing came' : `untyped ${stack}`]
  if (thrown.code !== one.outcome) return [`${thrown.code} for ${one.outcome}: ${thrown.message}`]
  const form = one.message ?? /^Expected .+, (received|found) .+/s
  return form.test(thrown.message) ? [] : [`says ${thrown.message}`]
}

function changed(one: Case, before: Look, after: Look): string[] {
  const same = isDeepStrictEqual(before.state, after.state)
  const [tensors, bytes] = [after.tensors - before.tensors + (one.lost ?? 0), after.bytes - before.bytes]
  return [
    ...(tensors === 0 ? [] : [`${tensors} tensors left behind`]),
    ...(bytes === 0 || one.lost !== undefined ? [] : [`${bytes} bytes left behind`]),
    ...(same || one.outcome === 'works' || one.lost !== undefined
      ? []
      : ['weights, or what tfjs is in the middle of, differ']),
  ]
}

type Look = ReturnType<typeof look>

/** What a refusal must not have changed. */
function look({ variables }: World) {
  const { numTensors: tensors, numBytes: bytes } = tf.memory()
  const engine = tf.engine()
  const { scopeStack, gradientDepth, kernelDepth, numStringTensors } = engine.state as unknown as Record<string, number>
  return {
    tensors,
    bytes,
    state: {
      weights: variables.map((one) => (one.isDisposed ? null : bits(one))),
      random: Math.random,
      depth: [(scopeStack as unknown as unknown[]).length, gradientDepth, kernelDepth, numStringTensors],
      registered: Object.keys(engine.registeredVariables).length,
    },
  }
}
