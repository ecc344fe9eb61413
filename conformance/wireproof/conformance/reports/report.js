"use strict";
for (const box of document.querySelectorAll("[data-verdict]")) {
  const apply = () => {
    for (const row of document.querySelectorAll("[data-is=" + JSON.stringify(box.dataset.verdict) + "]")) row.hidden = !box.checked;
  };
  box.addEventListener("change", apply);
  apply();
}
