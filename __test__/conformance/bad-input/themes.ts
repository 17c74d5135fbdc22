import { batches, traces } from './batches.ts'
import type { Theme } from './case.ts'
import { files } from './files.ts'
import { bounds, exampleTraces, flatness } from './flatness.ts'
import { gradients } from './gradients.ts'
import { losses } from './losses.ts'
import { models } from './models.ts'
import { nativeBasis } from './native-basis.ts'
import { nativeFunctions } from './native-functions.ts'
import { nativeLanczos } from './native-lanczos.ts'
import { operators } from './operators.ts'
import { options } from './options.ts'
import { savings } from './saving.ts'
import { schedules } from './schedules.ts'
import { states } from './states.ts'
import { variables } from './variables.ts'
import { vectors } from './vectors.ts'
import { watching } from './watching.ts'
import { workspaces } from './workspaces.ts'

/** All of the table. */
export const themes: readonly Theme[] = [
  ...[options, schedules, variables, losses, gradients, models, states, savings, files, watching],
  ...[
    vectors,
    batches,
    traces,
    operators,
    workspaces,
    nativeFunctions,
    nativeLanczos,
    flatness,
    bounds,
    exampleTraces,
    nativeBasis,
  ],
]
