/** Who calls, as far as it is known. */
export interface Caller {
  /** An IP address. */
  readonly address: string
  /** Undefined where no token was given. */
  readonly token: { readonly id: string; readonly name: string; readonly scopes: readonly string[] } | undefined
}
