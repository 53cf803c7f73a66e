// The entry of the client: the texts are there before the modules that use them run.

import { loadTexts } from "./texts.js";

loadTexts().then(() => import("./main.js"));
