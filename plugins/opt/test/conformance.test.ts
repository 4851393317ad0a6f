import { generationConformance, pluginConformance } from '@silane/testkit'
import opt from '../src/index.ts'

pluginConformance(opt, { root: new URL('..', import.meta.url) })
generationConformance(opt, { root: new URL('..', import.meta.url) })
