import { Dialog } from './dialog.tsx'
import { isHelpOpen, pages } from './keys.ts'

const others = [
  ['/', 'Search'],
  ['j', 'Next row'],
  ['k', 'Row before'],
  ['Enter', 'Open the row'],
  ['t', 'Theme: system, light, dark'],
  ['Esc', 'Close what is open'],
  ['?', 'These keys'],
] as const

export function Help() {
  if (!isHelpOpen.value) return null
  return (
    <Dialog title="Keys" onClose={() => (isHelpOpen.value = false)}>
      <dl class="keys">
        {others.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
        {pages.map(({ title, letter }) => (
          <div key={letter}>
            <dt>
              <kbd>g</kbd> <kbd>{letter}</kbd>
            </dt>
            <dd>{title}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
