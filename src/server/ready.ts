import { formatKey } from '../chunks/index.ts'
import type { ObjectStore } from '../store/index.ts'

/** Whether the store answers. That it is none yet is an answer; that it is none any more is trouble, such as a disk that is not mounted. */
export function readiness(store: ObjectStore): () => Promise<boolean> {
  let wasThere = false
  return async () => {
    try {
      const isThere = (await store.head(formatKey)) !== undefined
      wasThere ||= isThere
      return isThere || !wasThere
    } catch {
      return false
    }
  }
}
