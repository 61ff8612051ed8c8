/** Who calls, as far as it is known. */
export interface Caller {
  /** The number of the request, as the log has it. */
  readonly request: string
  /** An IP address. */
  readonly address: string
  /** Undefined where no token was given. */
  readonly token: { readonly id: string; readonly name: string; readonly scopes: readonly string[] } | undefined
}
