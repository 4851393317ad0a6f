import { pluginConformance } from '@silane/testkit'
import albert from '../src/index.ts'

pluginConformance(albert, { root: new URL('..', import.meta.url) })
