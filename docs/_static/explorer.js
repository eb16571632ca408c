// Chooses among the explorers written beside it, in the page's colors and at their height.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const theme = () => document.documentElement.dataset.theme || "light";
  const all = [...document.querySelectorAll(".explorer")].map(box => ({
    box, frame: box.querySelector("iframe"), choices: [...box.querySelectorAll("select")],
  }));
  const show = ({ box, frame, choices }) => {
    const address = `${box.dataset.root}/${choices.map(choice => choice.value).join("-")}.html#${theme()}`;
    frame.contentWindow.location.replace(new URL(address, location.href));
  };
  for (const one of all) {
    one.box.addEventListener("change", () => show(one));
    show(one);
  }
  new MutationObserver(() => all.forEach(show)).observe(
    document.documentElement, { attributeFilter: ["data-theme"] });
  addEventListener("message", event => {
    const height = Number(event.data && event.data.explorer);
    const one = all.find(each => each.frame.contentWindow === event.source);
    if (one && height) one.frame.style.height = `${height}px`;
  });
});
