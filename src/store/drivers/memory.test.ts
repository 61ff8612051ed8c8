import { systemClock } from '../../kit/index.ts'
import { conformanceTests } from '../../../test/conformance.ts'
import { createMemoryStore } from './memory.ts'

const store = createMemoryStore({ clock: systemClock })

conformanceTests('the memory store', async () => store, {
  expectedSkips: { 'a key below or above another is refused, and says so': 'a key may have keys below it' },
})
