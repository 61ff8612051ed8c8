/** What a registry, or the token server that it names, is told about who asks. `from` says to people where it was found. */
export type RegistryCredential =
  | { readonly kind: 'password'; readonly user: string; readonly password: string; readonly from: string }
  /** Docker's identity token: the token server takes it instead of a password. */
  | { readonly kind: 'identity-token'; readonly token: string; readonly from: string }
