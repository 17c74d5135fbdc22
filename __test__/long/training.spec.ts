import test from 'ava'
import { product } from '../conformance/covering.ts'
import { conforms, factors, title, valid } from '../conformance/training.ts'
import { onEachBackend } from '../helpers/backends.ts'

// The whole table of which `conformance/training.spec.ts` runs a few cells: one test for each kind of model and backend.
const cells = product(factors, valid)

for (const kind of factors.kind) {
  for (const backend of factors.backend) {
    const here = cells.filter((cell) => cell.kind === kind && cell.backend === backend)
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
