import { SaltflatError } from '../errors.ts'

/** How much a pass over data has seen. */
export interface Seen {
  readonly batches: number
  readonly examples: number
}

/** What a pass saw, if it is what the one before it saw. */
export function sameAmount(before: Seen | null, found: Seen): Seen {
  if (found.batches === 0 && before === null) throw noData()
  if (before !== null && (found.examples !== before.examples || found.batches !== before.batches)) {
    throw otherData(counted(before), counted(found))
  }
  return found
}

export function noData(): SaltflatError {
  return new SaltflatError('ERR_EMPTY', 'Expected at least one batch, received none.')
}

export function otherData(first: string, second: string): SaltflatError {
  return new SaltflatError(
    'ERR_INVALID_ARGUMENT',
    `Expected the same batches at every pass over the data, received ${first} and then ${second}. Do not shuffle, and give a function that makes the iterator anew where one can be read only once.`,
  )
}

function counted({ batches, examples }: Seen): string {
  return `${examples} examples in ${batches} batches`
}
