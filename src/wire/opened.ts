/** What was opened, each when it was first asked for, and is closed together. */
export interface Opened<K, T> {
  /** What stands under the key, opened where nothing does yet. */
  get(key: K, open: () => Promise<T>): Promise<T>
  /** Ends all that could be opened. */
  close(): Promise<void>
}

export function createOpened<K, T extends { close(): unknown }>(): Opened<K, T> {
  const opened = new Map<K, Promise<T>>()
  return {
    get(key, open) {
      const known = opened.get(key) ?? open()
      opened.set(key, known)
      return known
    },
    async close() {
      for (const each of await Promise.allSettled(opened.values())) if (each.status === 'fulfilled') await each.value.close()
    },
  }
}
