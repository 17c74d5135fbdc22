// The yardstick of these tests, tested: it refuses what assignability would let through.
import { exactly } from './exact.ts'

exactly<number>()(1 as number)
exactly<number | null>()(1 as number | null)

// @ts-expect-error another type
exactly<string>()(1)
// @ts-expect-error a narrower one
exactly<number | null>()(1 as number)
// @ts-expect-error a wider one
exactly<number>()(1 as number | null)
// @ts-expect-error any, which is assignable to everything
exactly<number>()(JSON.parse('1'))
