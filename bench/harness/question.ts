import type { BackendName } from '../backends.ts'

/**
 * Where a contestant runs: each of these is a process of its own, and only one of them works at any moment. A "stock"
 * process never opens a store of saltflat, whose hooks into a backend serve everybody in its process; in a "plain" one its
 * kernels are not registered, and only its own steps have them; methods of a "timed" one are swapped for others that look at
 * the clock.
 */
export type HostName = 'native' | 'torch' | `${BackendName}${'' | ' stock' | ' plain' | ' timed'}`

/** What a value or ratio should be. */
export type Goal = { readonly atMost: number } | { readonly atLeast: number }

/**
 * 'median': what a round takes here and now, neighbours included: for whole steps, and for all that is compared. 'least':
 * what the quietest sample took, for kernels whose floor is a property of the processor.
 */
export type Statistic = 'median' | 'least'

/** Sizes, names, … of a contestant's work: plain values, for they travel to its process. */
export type Options = Readonly<Record<string, string | number | boolean | readonly number[]>>

/** One that takes part. */
export interface Contestant {
  /** Its name in the tables, once in a group. */
  readonly name: string
  readonly host: HostName
  /** Which of the question's works (or of `torch/works.py`) it is, and with what options. */
  readonly work: string
  readonly options: Options
  readonly unit: string
  /** Nanoseconds (or whatever else the work measures) in one unit: the number of elements gives ns/element. */
  readonly scale: number
  readonly goal?: Goal
  /** Which figure the goal is for; by default the median of the rounds. */
  readonly by?: Statistic
}

/** What is said of two contestants, round by round. */
export interface Claim {
  readonly contestant: string
  readonly against: string
  /** 'faster': how many times longer the other takes; 'cost': how many times longer this one; 'beyond': the difference. */
  readonly as: 'faster' | 'cost' | 'beyond'
  readonly goal?: Goal
  /** 'least', for a ratio: that of the least of both. By default the median of what the rounds say. */
  readonly by?: Statistic
  /** Whether the README shows it. */
  readonly headline?: boolean
}

/** Contestants that are interleaved with each other. */
export interface Group {
  readonly what: string
  readonly rounds: number
  /** Milliseconds that a contestant may take a round; one call at least. */
  readonly budget: number
  /**
   * Whether each warms up at every turn, for calls that take gigabytes: a virtual machine gives its host back what is free
   * for seconds, and to get it again takes several times as long as all that is computed with it.
   */
  readonly wake?: boolean
  readonly contestants: readonly Contestant[]
  readonly claims: readonly Claim[]
}

/**
 * What a process does in a round. `run` is timed, what `before` does before each call is not; `value` gives a figure that
 * needs no clock, such as bytes.
 */
export interface Work {
  before?(): void
  run?(): void | Promise<void>
  value?(): number | Promise<number>
}

/** What the contestants of a question depend on. */
export interface Setting {
  /** Instruction sets of this CPU, narrowest first. */
  readonly levels: readonly string[]
  /** Small sizes and few rounds: it shows that everything runs, and its figures say nothing. */
  readonly quick: boolean
}

/** One file of `bench/`. */
export interface Question {
  readonly about: string
  groups(setting: Setting): readonly Group[]
  readonly works: Readonly<Record<string, (options: Options) => Work>>
}
