/** What a registry wants to see before it answers: one challenge of `WWW-Authenticate`. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>
}

const longest = 16 << 10

/** The challenges of a `WWW-Authenticate` header (RFC 9110, 11.6.1), as far as it can be read. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = []
  // A scheme, or a parameter: in both cases behind a comma or a space.
  const part = /[\s,]*(?:([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([!#$%&'*+.^_`|~\w-]+)(?=[\s,]|$))/y
  const text = header.slice(0, longest)
  for (let match = part.exec(text); match !== null; match = part.exec(text)) {
    const [, name, quoted, bare, scheme] = match
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} })
    else if (name !== undefined) {
      const parameters = challenges.at(-1)?.parameters
      if (parameters !== undefined) parameters[name.toLowerCase()] ??= quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? ''
    }
  }
  return challenges
}
