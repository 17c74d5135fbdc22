import test from 'ava'
import { product } from '../conformance/covering.ts'
import { conforms, factors, title, valid } from '../conformance/training.ts'
import { onEachBackend } from '../helpers/backends.ts'

// The table of which `conformance/training.spec.ts` runs a few cells: one test for each kind of model and backend. All of
// it on cpu; every fifth cell elsewhere, where kernels are others but what drives a step is the same.
const cells = product(factors, valid)
const shareOf = (backend: string) => (backend === 'cpu' ? 1 : 5)

for (const kind of factors.kind) {
  for (const backend of factors.backend) {
    const all = cells.filter((cell) => cell.kind === kind && cell.backend === backend)
    const here = all.filter((_, i) => i % shareOf(backend) === 0)
    const name = `${kind.name}: each of ${here.length} combinations of optimizer and way in conforms`
    onEachBackend(
      test,
      name,
      async (t) => {
        for (const cell of here) {
          const passed = await t.try((attempt) => conforms(attempt, cell))
          passed.commit()
          if (!passed.passed) t.log(title(cell))
        }
      },
      [backend],
    )
  }
}
