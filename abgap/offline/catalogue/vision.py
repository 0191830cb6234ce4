"""Metrics of object detection and of segmentation."""

from __future__ import annotations

from abgap.offline.catalogue.entry import LazyForm, MetricEntry, Task

ENTRIES = (
    MetricEntry(
        name="iou",
        title="Intersection over union (Jaccard)",
        aliases=("jaccard", "miou", "mean_iou", "intersection_over_union"),
        tasks=(Task.DETECTION, Task.SEGMENTATION),
        formula="area in both prediction and truth / area in either",
        needs="boxes or pixel counts of each example, or ready-made values per example in [offline.scores]",
        use_when="Boxes or regions have to fit: measuring, cutting out, robots that grasp.",
        misleads="Small objects lose most by one pixel; over all pixels the background decides.",
        lazy="Marking everything gets the share of foreground; where background is a class, it alone gets much.",
        lazy_form=LazyForm(
            text="p for marking everything, with a share p of foreground", value=lambda positives: positives
        ),
        watch=("dice", "detection_map"),
        disagreement="Mean AP falls where boxes fit well but objects are missed or invented.",
        business="How exactly the region is outlined.",
    ),
    MetricEntry(
        name="dice",
        title="Dice score",
        aliases=("dice_score", "dice_coefficient", "f1_pixel"),
        tasks=(Task.SEGMENTATION,),
        formula="2 * area in both / (area of prediction + area of truth) = 2 IoU / (1 + IoU)",
        needs="pixel counts of each example, or ready-made values per example in [offline.scores]",
        use_when="Segmentation of small regions, as in medicine.",
        misleads="It orders models as IoU does on one image; its mean over images can order them otherwise.",
        lazy="Nothing predicted where there is nothing counts as 1 in some tools and as 0 in others.",
        lazy_form=LazyForm(
            text="2p / (1 + p) for marking everything, with a share p of foreground",
            value=lambda positives: 2.0 * positives / (1.0 + positives),
        ),
        watch=("iou", "recall"),
        disagreement="Recall over regions shows small ones that are missed altogether.",
        business="How well the marked region is the right one.",
    ),
    MetricEntry(
        name="detection_map",
        title="Mean average precision of detection",
        aliases=(
            "map_iou",
            "map50",
            "map_50",
            "map_50_95",
            "map50-95",
            "coco_map",
            "map@0.5",
            "map@0.5:0.95",
        ),
        tasks=(Task.DETECTION,),
        formula="mean over classes (and over IoU thresholds .5, .55, ..., .95) of average precision of matched boxes",
        needs="scored boxes and true boxes of each image, or ready-made values in [offline.scores]",
        use_when="Objects have to be found and named.",
        misleads="mAP at IoU .5 and over .5 to .95 differ by a factor of two; a mean over classes hides the rare ones.",
        lazy="Many boxes with low scores cost little; the most frequent class at its usual place gets above 0.",
        lazy_form=LazyForm(text="0, of no box at all", value=lambda: 0.0),
        watch=("iou", "recall"),
        disagreement="IoU of the found boxes falls when more objects are found less exactly.",
        business="How many objects are found and named right, with few false alarms.",
    ),
)
