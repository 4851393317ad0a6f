import { pluginConformance } from '@silane/testkit'
import rag from '../src/index.ts'

pluginConformance(rag, { root: new URL('..', import.meta.url) })
