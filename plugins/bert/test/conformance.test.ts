import { pluginConformance } from '@silane/testkit'
import bert from '../src/index.ts'

pluginConformance(bert, { root: new URL('..', import.meta.url) })
