/** Text and pictures of one result, ready for any file format: what `save` writes and a `view` makes. */
export interface Plottable {
  /** A heading of a few words. */
  readonly title: string
  /** What was done, in one sentence. */
  readonly subject: string
  /** What was found, in plain sentences, the most important first. */
  readonly summary: readonly string[]
  /** Pictures, the most telling first. */
  readonly charts: readonly Chart[]
  /** The figures behind the summary. */
  readonly table: Table
  /** How the result came about: name and value. */
  readonly settings: readonly (readonly [name: string, value: string])[]
  /** A command that gives the same result again. */
  readonly command?: string
  /** What a reader should know before believing the figures. */
  readonly notes: readonly string[]
  /** One row per measurement, for CSV. */
  readonly rows: Rows
  /** The plain object JSON holds. */
  readonly data: object
  /** For each result the array that numpy gets, in row-major order. */
  readonly array?: readonly { readonly shape: readonly number[]; readonly values: ArrayLike<number> }[]
}

/** One picture: a Vega-Lite view without its heading, which stands beside it as text. */
export interface Chart {
  readonly title: string
  /** One line under the title: what is on the axes, what to look for. */
  readonly caption: string
  readonly spec: Spec
}

/** A Vega-Lite specification (or a part of one) as a plain object. */
export type Spec = Readonly<Record<string, unknown>>

/** Rows of cells under named columns; numbers are right-aligned where a table is shown. */
export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** Rows that may be millions, one after the other. */
export interface Rows {
  readonly columns: readonly string[]
  readonly rows: Iterable<readonly Cell[]>
}

/** A text, a number, or nothing where there is no value. */
export type Cell = string | number | null
