// Prints what doctor says as JSON, on one line.
import { diagnose } from '../../../src/cli/diagnosis.ts'

console.log(JSON.stringify(await diagnose()))
process.exit(0) // A backend's threads would keep the process alive.
