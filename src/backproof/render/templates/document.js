// What the page does: sets formulas, shows cited equations, copies LaTeX, follows the reader in the contents.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- formulas ---------------------------------------------------------------------------------------------------

function typeset(element) {
  const text = element.textContent;
  const displayMode = "display" in element.dataset;
  try {
    katex.render(element.dataset.tex, element, { displayMode, throwOnError: true, strict: "ignore", trust: false });
    element.classList.add("typeset");
  } catch (error) {
    element.textContent = text; // the plain text that stood here is readable too
    console.error(`equation not set: ${error.message}`);
  }
}

// A box that scrolls is reachable with the keyboard, and fades out where there is more. It is measured when it comes
// near the window, for measuring all at once would lay out the whole document.
function watchBoxes() {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        if (target.scrollWidth > target.clientWidth + 1) target.tabIndex = 0;
        else target.removeAttribute("tabindex");
      }
    },
    { rootMargin: "200px" },
  );
  const watch = () => {
    observer.disconnect();
    for (const box of all(".formula, .long, .table")) observer.observe(box);
  };
  addEventListener("resize", watch);
  document.fonts.ready.then(watch);
}

// --- cited equations --------------------------------------------------------------------------------------------

const preview = document.getElementById("bp-preview");
let shown = null;
let hiding = 0;

function cited(link) {
  return document.getElementById(link.getAttribute("href").slice(1));
}

function showCited(link) {
  hideCited();
  const equation = cited(link);
  if (!equation) return;
  shown = link;
  equation.classList.add("cited");
  const { top, bottom } = equation.getBoundingClientRect();
  if (top >= 0 && bottom <= innerHeight) return; // it is in sight, and a preview might cover it
  preview.replaceChildren(equation.querySelector(".math").cloneNode(true));
  preview.hidden = false;
  link.setAttribute("aria-describedby", preview.id);
  place(link.getBoundingClientRect());
}

// Above the link where there is room, below it elsewhere; never beyond the edges of the window.
function place(link) {
  const { width, height } = preview.getBoundingClientRect();
  const left = Math.max(8, Math.min(link.left, document.documentElement.clientWidth - width - 8));
  const above = link.top > height + 12;
  preview.style.left = `${left + scrollX}px`;
  preview.style.top = `${(above ? link.top - height - 6 : link.bottom + 6) + scrollY}px`;
}

function hideCited() {
  clearTimeout(hiding);
  if (!shown) return;
  cited(shown).classList.remove("cited");
  shown.removeAttribute("aria-describedby");
  shown = null;
  preview.hidden = true;
}

// The pointer may cross over to the preview, to scroll or to select in it.
function hideSoon() {
  clearTimeout(hiding);
  hiding = setTimeout(hideCited, 200);
}

function watchCitations() {
  const link = (event) => (event.target instanceof Element ? event.target.closest("a.ref") : null);
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    if (preview.contains(event.target)) clearTimeout(hiding);
    else if (link(event) && link(event) !== shown) showCited(link(event));
    else if (link(event)) clearTimeout(hiding);
    else if (shown) hideSoon();
  });
  document.addEventListener("focusin", (event) => {
    if (link(event)?.matches(":focus-visible")) showCited(link(event));
  });
  document.addEventListener("focusout", (event) => link(event) && hideCited());
  document.addEventListener("click", (event) => link(event) && hideCited());
}

// --- details and Escape -----------------------------------------------------------------------------------------

function closeDetails(except) {
  for (const why of all(".why[open]")) if (!except || !why.contains(except)) why.open = false;
}

function watchDetails() {
  document.addEventListener("click", (event) => closeDetails(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    hideCited();
    closeDetails();
  });
}

// --- copying ----------------------------------------------------------------------------------------------------

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea"); // where the clipboard is withheld from files
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

function offerCopies() {
  const status = document.getElementById("bp-status");
  for (const button of all(".copy")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await copied(button.closest(".equation").querySelector(".math").dataset.tex);
      button.textContent = "copied";
      status.textContent = "LaTeX copied";
      setTimeout(() => {
        button.textContent = label;
        status.textContent = "";
      }, 1500);
    });
  }
}

// --- contents ---------------------------------------------------------------------------------------------------

function followReader() {
  const links = new Map(all(".contents a").map((link) => [link.getAttribute("href").slice(1), link]));
  const headings = all("main :is(h2, h3)").filter((heading) => links.has(heading.id));
  let current = null;
  const update = () => {
    const passed = headings.findLast((heading) => heading.getBoundingClientRect().top < innerHeight / 3);
    const link = passed ? links.get(passed.id) : null;
    if (link === current) return;
    current?.removeAttribute("aria-current");
    link?.setAttribute("aria-current", "location");
    current = link;
    const box = link?.closest("details");
    if (box && box.scrollHeight > box.clientHeight) box.scrollTop = link.offsetTop - box.clientHeight / 2;
  };
  let due = false;
  const soon = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      update();
    });
  };
  document.addEventListener("scroll", soon, { passive: true });
  update();
}

// The contents stand beside the text where there is room, and folded above it elsewhere.
function foldContents() {
  const wide = matchMedia("(min-width: 68rem)");
  const details = document.querySelector(".contents details");
  if (!details) return;
  const fit = () => (details.open = wide.matches);
  wide.addEventListener("change", fit);
  fit();
  details.addEventListener("click", (event) => {
    if (event.target.closest("a") && !wide.matches) details.open = false;
  });
}

// --- jumps ------------------------------------------------------------------------------------------------------

// What is not near the window is not laid out, its height only guessed: good enough to scroll, but not to jump.
function watchJumps() {
  const layOut = () => document.documentElement.classList.add("laid-out");
  document.addEventListener("click", (event) => event.target.closest("a[href^='#']") && layOut());
  if (!location.hash) return;
  layOut();
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView({ behavior: "instant" });
}

// --- start ------------------------------------------------------------------------------------------------------

foldContents();
all("[data-tex]").forEach(typeset);
watchJumps();
watchCitations();
watchDetails();
offerCopies();
followReader();
watchBoxes();
