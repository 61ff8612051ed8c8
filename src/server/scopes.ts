/** What a token may allow: one scope for each thing that can be done. `release:*` is all of a capability, `*` is all. */
export const scopes = {
  'release:promote': 'give the release of one channel to another',
  'release:rollback': 'take stable back',
  'index:promote': 'publish in one index what another one publishes',
  'index:rollback': 'take an index back to an earlier generation',
  'env:restore': 'give a live directory back clean',
  'job:run': 'run a configured job now, cancel it, try it again',
  'store:verify': 'read the store and check it',
  'images:retag': 'move a tag to another image',
  'audit:read': 'see who moved what from where',
} as const

export type Scope = keyof typeof scopes

export function isScope(text: string): text is Scope {
  return Object.hasOwn(scopes, text)
}

/** Whether what a token was given allows a scope. */
export function allows(granted: readonly string[], scope: Scope): boolean {
  return granted.some((each) => each === '*' || each === scope || (each.endsWith(':*') && scope.startsWith(each.slice(0, -1))))
}
