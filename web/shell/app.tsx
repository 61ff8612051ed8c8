import { useState } from 'preact/hooks'
import { isLive } from '../api/live.ts'
import { PageAt } from '../pages/at.tsx'
import { OpenAction } from './action.tsx'
import { Help } from './help.tsx'
import { isHelpOpen, pages } from './keys.ts'
import { hrefTo, place } from './place.ts'
import { Icon } from './icons.tsx'
import { Search } from './search.tsx'
import { nextTheme, theme } from './theme.ts'

export function App() {
  const { path } = place.value
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <div class="frame">
        <Head />
        <main id="main" tabIndex={-1}>
          <PageAt key={path.join('/')} />
        </main>
      </div>
      <Help />
      <OpenAction />
    </>
  )
}

function Head() {
  const [isOpen, setOpen] = useState(false)
  const [here = ''] = place.value.path
  return (
    <header class="head">
      <div class="brand">
        <a href={hrefTo([''])} class="logo">
          <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
            <rect width="32" height="32" rx="7" class="logo-back" />
            <path d="M10 7v18M22 7v18M10 16h12" class="logo-mark" />
          </svg>
          Holdfast
        </a>
        <button type="button" class="menu" aria-expanded={isOpen} aria-controls="pages" onClick={() => setOpen(!isOpen)}>
          Menu
        </button>
      </div>
      <div class={isOpen ? 'side open' : 'side'} id="pages">
        <Search />
        <nav aria-label="Pages" onClick={() => setOpen(false)}>
          {pages.map(({ name, title, letter }) => (
            <a key={name} href={hrefTo([name])} aria-current={name === here || (name === '' && here === 'moves') ? 'page' : undefined}>
              <Icon name={name} />
              {title}
              <kbd aria-hidden="true">g {letter}</kbd>
            </a>
          ))}
        </nav>
        <div class="foot">
          <span class={isLive.value ? 'live on' : 'live'} role="status">
            {isLive.value ? 'Live' : 'Not live'}
          </span>
          <button type="button" class="quiet" onClick={nextTheme} aria-label={`Theme: ${theme.value}; change it`}>
            <Icon name="theme" />
            {theme.value}
          </button>
          <button type="button" class="quiet" onClick={() => (isHelpOpen.value = true)} aria-label="Keys">
            ?
          </button>
        </div>
      </div>
    </header>
  )
}
