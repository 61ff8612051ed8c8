import { signal } from '@preact/signals'

const key = 'holdfast-token'

/** What actions are sent with. It is kept in this page alone, or until the tab is closed where that is asked for; never longer. */
export const token = signal<string | undefined>(sessionStorage.getItem(key) ?? undefined)

export function keepToken(secret: string | undefined, untilTabCloses: boolean): void {
  token.value = secret
  if (secret !== undefined && untilTabCloses) sessionStorage.setItem(key, secret)
  else sessionStorage.removeItem(key)
}
