/** True when two types are the same one, not merely assignable to each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Accepts only a value whose inferred type is exactly `T`: `exactly<number>()(value)`. */
export declare function exactly<T>(): <V>(value: V & (Same<V, T> extends true ? unknown : never)) => void
