import "@fontsource-variable/inter";
import "@/theme/base.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "@/app/App";
import { startMode } from "@/theme/mode";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

startMode();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
