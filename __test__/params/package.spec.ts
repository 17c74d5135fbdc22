import { createRequire } from 'node:module'
import test from 'ava'
import { backends, tensorflowPackage, tf } from '../helpers/backends.ts'

const ifBuilt = backends.includes('tensorflow') ? test : test.skip

ifBuilt('the rows of the backend tensorflow run on the package asked for, and on no other', async (t) => {
  await tf.setBackend('tensorflow')
  const { isGPUPackage } = tf.backend() as unknown as { isGPUPackage: boolean }
  t.is(isGPUPackage, tensorflowPackage.endsWith('-gpu'))
  const loaded = Object.keys(createRequire(import.meta.url).cache).flatMap(
    (file) => /@tensorflow[\\/](tfjs-node(?:-gpu)?)[\\/]/.exec(file)?.[1] ?? [],
  )
  t.deepEqual([...new Set(loaded.map((name) => `@tensorflow/${name}`))], [tensorflowPackage])
})
